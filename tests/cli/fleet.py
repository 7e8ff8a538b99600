"""Run Command in miniature: nodes that move one step of their script each time the command is looked at."""

import base64

from tests.cli.wire import Refusal

COMMAND_ID = "11111111-2222-4333-8444-555555555555"


class FleetNode:
    """A script of (status, stdout so far, stderr so far); the last entry stays."""

    def __init__(self, node_id, *script, name="", code=0, steps=("runShellScript",)):
        self.node_id, self.script, self.name, self.code, self.steps = node_id, list(script), name, code, steps

    @property
    def now(self):
        return self.script[0]

    def move(self):
        if len(self.script) > 1:
            self.script.pop(0)


class Fleet:
    """Answers the operations that `hostreeve run` uses. `details` is the command's own at the end."""

    def __init__(self, server, nodes, *, live=True, details=None):
        self.nodes = {node.node_id: node for node in nodes}
        self.details = details
        self.cancelled = False
        self.sent = None
        self.page_size = 50
        ssm = {
            "SendCommand": self.send,
            "ListCommands": self.commands,
            "ListCommandInvocations": self.invocations,
            "GetCommandInvocation": self.invocation,
            "CancelCommand": self.cancel,
        }
        server.answers.update({f"AmazonSSM.{name}": function for name, function in ssm.items()})
        if live:
            server.answers["Hostreeve.GetCommandOutput"] = self.output

    def send(self, request):
        self.sent = request
        return {"Command": {"CommandId": COMMAND_ID, "Status": "Pending", "TargetCount": len(self.nodes)}}

    def commands(self, request):
        for node in self.nodes.values():
            node.move()
        statuses = [node.now[0] for node in self.nodes.values()]
        ended = [each for each in statuses if each in ("Success", "Failed", "Cancelled", "TimedOut")]
        over = len(ended) == len(statuses)
        status = "Pending"
        if over:
            status = "Success" if all(each == "Success" for each in statuses) else "Failed"
            status = "Cancelled" if self.cancelled else status
        command = {
            "CommandId": COMMAND_ID,
            "Status": status,
            "StatusDetails": self.details or status,
            "TargetCount": len(statuses),
            "CompletedCount": len(ended),
            "ErrorCount": statuses.count("Failed"),
        }
        return {"Commands": [command]}

    def invocations(self, request):
        start = int(request.get("NextToken") or 0)
        some = list(self.nodes.values())[start : start + self.page_size]
        more = start + self.page_size < len(self.nodes)
        page = {"CommandInvocations": [self._described(node) for node in some]}
        return {**page, "NextToken": str(start + self.page_size)} if more else page

    def _described(self, node):
        status, out, err = node.now
        steps = [
            {
                "Name": step,
                "Status": status,
                "ResponseCode": node.code if status in ("Success", "Failed") else -1,
                "ResponseStartDateTime": 1000.0,
                "ResponseFinishDateTime": 1001.5,
                "Output": (out + ("\n----------ERROR-------\n" + err if err else ""))[:2500],
            }
            for step in node.steps
        ]
        return {
            "CommandId": COMMAND_ID,
            "InstanceId": node.node_id,
            "InstanceName": node.name,
            "Status": status,
            "StatusDetails": status,
            "CommandPlugins": steps,
        }

    def output(self, request):
        node = self.nodes[request["InstanceId"]]
        if request["PluginName"] not in node.steps:
            raise Refusal("InvalidPluginName")
        status, out, err = node.now
        whole = (out if request["Stream"] == "stdout" else err).encode()
        chunk = whole[request["Offset"] : request["Offset"] + request["Length"]]
        return {
            "Data": base64.b64encode(chunk).decode(),
            "Offset": request["Offset"],
            "TotalBytes": len(whole),
            "Complete": status in ("Success", "Failed", "Cancelled"),
        }

    def invocation(self, request):
        status, out, err = self.nodes[request["InstanceId"]].now
        return {"Status": status, "StandardOutputContent": out, "StandardErrorContent": err}

    def cancel(self, request):
        assert request["CommandId"] == COMMAND_ID
        self.cancelled = True
        for node in self.nodes.values():
            node.script = [node.now, ("Cancelled", node.now[1], node.now[2])]
        return {}
