python=
for each in python3 /usr/libexec/platform-python python3.13 python3.12 python3.11 python3.10 python3.9 python3.8 python3.6; do
    if command -v "$each" >/dev/null 2>&1; then python=$each; break; fi
done
if [ -z "$python" ]; then
    echo "There is no Python 3 on this node, and patching needs one: install python3." >&2
    exit 1
fi
"$python" -c '
import hashlib, http.client, json, os, ssl, subprocess, sys, tempfile, time
from urllib.parse import urlsplit

SHA256 = "@@patch-payload-sha256@@"
FOLDER = "/var/lib/hostreeve-patch"
OFFICIAL = "/etc/amazon/ssm/amazon-ssm-agent.json"


def stop(code, sentence):
    print(sentence, file=sys.stderr)
    sys.exit(code)


def place():
    """Server, file of its authority, file of the credentials: by the environment, by our agent, by the official one."""
    given = [os.environ.get("HOSTREEVE_" + name, "") for name in ("SERVER", "CA_FILE", "CREDENTIALS_FILE")]
    state = os.environ.get("HOSTREEVE_AGENT_STATE", "")
    if given[0] and given[2]:
        return given
    try:
        if state:
            with open(os.path.join(state, "node.json")) as file:
                server = json.load(file)["server"]
            return [server, os.path.join(state, "ca.pem"), os.path.join(state, "credentials.json")]
        with open(OFFICIAL) as file:
            server = (json.load(file).get("Ssm") or {}).get("Endpoint")
    except (OSError, ValueError, KeyError) as wrong:
        stop(1, "This node does not say where its server is: %s" % wrong)
    if not server:
        stop(1, "%s names no Ssm.Endpoint: this node does not say where its server is." % OFFICIAL)
    server = server if "://" in server else "https://" + server
    kept = os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or os.path.expanduser("~/.aws/credentials")
    return [server, "", kept]


def fetched(server, ca_file):
    where = urlsplit(server)
    context = ssl.create_default_context(cafile=ca_file or None)
    connection = http.client.HTTPSConnection(where.hostname, where.port or 443, timeout=60, context=context)
    try:
        connection.request("GET", "/_hostreeve/patch-payload/%s.pyz" % SHA256)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def payload(server, ca_file):
    for pause in (1, 5, 15, 0):
        try:
            status, content = fetched(server, ca_file)
        except (OSError, http.client.HTTPException) as wrong:
            status, why = 0, "%s cannot be reached: %s" % (server, wrong)
        else:
            why = "%s answered %d" % (server, status)
            if status == 404:
                stop(1, "%s has another payload than the one of this command: send the command again." % server)
        if status == 200:
            if hashlib.sha256(content).hexdigest() != SHA256:
                stop(151, "The payload that %s handed out is not the one of this command." % server)
            return content
        time.sleep(pause)
    stop(156, "The payload could not be fetched: %s" % why)


def is_private(folder):
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError:
        return False
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022 and os.access(folder, os.W_OK)


def kept(server, ca_file):
    """The path of the payload. It stays for the time after a restart."""
    folder = FOLDER if is_private(FOLDER) else tempfile.mkdtemp(prefix="hostreeve-patch-")
    path = os.path.join(folder, "payload-%s.pyz" % SHA256)
    try:
        with open(path, "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() == SHA256:
                return path
    except OSError:
        pass
    content = payload(server, ca_file)
    for name in os.listdir(folder):
        if name.startswith("payload-"):
            os.unlink(os.path.join(folder, name))
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)
    return path


server, ca_file, credentials = place()
given = dict(line.rstrip("\n").split("=", 1) for line in sys.stdin if "=" in line)
try:
    path = kept(server, ca_file)
except OSError as wrong:
    stop(154, "The payload could not be kept on this node: %s" % wrong)
os.environ.update(HOSTREEVE_SERVER=server, HOSTREEVE_CA_FILE=ca_file, HOSTREEVE_CREDENTIALS_FILE=credentials)
words = [word for name, value in given.items() for word in ("--" + name, value)]
code = subprocess.call([sys.executable, path, "run"] + words)
sys.exit(code if code >= 0 else 128 - code)
' <<'HOSTREEVE_PARAMETERS'
