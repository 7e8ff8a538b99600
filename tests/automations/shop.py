"""Where runbooks are made and run: documents written, executions begun, and what became of them."""

import itertools
import json

_names = itertools.count(1)


def step(name, action="aws:sleep", inputs=None, **more):
    """A step; one that is not told what to do sleeps a second."""
    if inputs is None:
        inputs = {"Duration": "PT1S"} if action == "aws:sleep" else {}
    return {"name": name, "action": action, "inputs": inputs, **more}


def api(name, operation, *, service="ssm", outputs=(), more=None, **inputs):
    """A step that calls an operation."""
    listed = [{"Name": n, "Selector": s, "Type": t} for n, s, t in outputs]
    given = {"Service": service, "Api": operation, **inputs}
    return step(name, "aws:executeAwsApi", given, outputs=listed, **(more or {}))


def put(name, parameter, value="x", **more):
    """A step that leaves a trace: a parameter of Parameter Store."""
    return api(name, "PutParameter", Name=parameter, Value=value, Type="String", Overwrite=True, more=more)


def fails(name, **more):
    """A step that fails: there is no such parameter."""
    return api(name, "GetParameter", Name="no-such-parameter", more=more)


class Shop:
    def __init__(self, house):
        self.house = house
        self.ssm = house.client("ssm")

    def write(self, *steps, **content):
        """A document of these steps; answers its name."""
        name = f"runbook-{next(_names)}"
        body = {"schemaVersion": "0.3", "mainSteps": list(steps), **content}
        self.ssm.create_document(Content=json.dumps(body), Name=name, DocumentType="Automation")
        return name

    def start(self, name, **how):
        """Begin; answers the execution's id. Nothing has been done yet."""
        return self.ssm.start_automation_execution(DocumentName=name, **how)["AutomationExecutionId"]

    def run(self, *steps, _start=None, **content):
        """Write, begin, do what is due; answers the execution as it then is."""
        execution_id = self.start(self.write(*steps, **content), **(_start or {}))
        self.house.tick()
        return self.get(execution_id)

    def get(self, execution_id):
        answer = self.ssm.get_automation_execution(AutomationExecutionId=execution_id)
        return Execution(answer["AutomationExecution"])

    def stop_all(self):
        """Nothing runs any more."""
        wanted = [{"Key": "ExecutionStatus", "Values": ["Pending", "InProgress", "Waiting"]}]
        while listed := self.ssm.describe_automation_executions(Filters=wanted)[
            "AutomationExecutionMetadataList"
        ]:
            for each in listed:
                self.ssm.stop_automation_execution(AutomationExecutionId=each["AutomationExecutionId"])
            self.house.tick()

    def later(self, seconds):
        """The clock moves on, and what is due then is done."""
        self.house.world.advance(seconds)
        self.house.tick()


class Execution(dict):
    """As GetAutomationExecution answers it."""

    @property
    def id(self):
        return self["AutomationExecutionId"]

    @property
    def status(self):
        return self["AutomationExecutionStatus"]

    @property
    def steps(self):
        """The status of each step by its name."""
        return {each["StepName"]: each["StepStatus"] for each in self["StepExecutions"]}

    def step(self, name):
        return next(each for each in self["StepExecutions"] if each["StepName"] == name)

    def outputs(self, name):
        return self.step(name)["Outputs"]
