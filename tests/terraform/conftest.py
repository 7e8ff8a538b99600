"""`terraform`: the unmodified Terraform that TERRAFORM names, with the AWS provider of the plugin folder that
TERRAFORM_PLUGINS names, against a served control plane."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tools.bench.control_plane import serving

CASES = Path(__file__).parent
MOST_S = 240


@pytest.fixture(scope="module")
def plane():
    with serving() as made:
        yield made


@pytest.fixture
def terraform(plane, tmp_path):
    program, plugins = os.environ.get("TERRAFORM"), os.environ.get("TERRAFORM_PLUGINS")
    if not program or not plugins:
        pytest.skip("TERRAFORM is not set")
    return Terraform(program, plugins, tmp_path, plane.environment())


class Terraform:
    """One working folder. Every call has a limit of time, and shows its output when it fails."""

    def __init__(self, program, plugins, folder, environment):
        self.program, self.folder = program, folder
        rc = folder / "terraform.rc"
        rc.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{plugins}" }} }}\n')
        self.environment = {
            **environment,
            "TF_CLI_CONFIG_FILE": str(rc),
            "CHECKPOINT_DISABLE": "1",
            "TF_IN_AUTOMATION": "1",
        }

    def use(self, configuration):
        """Work on a configuration of this folder."""
        shutil.copy(CASES / configuration, self.folder)
        shutil.copy(CASES / "provider.tf", self.folder)
        self.run("init", "-input=false")

    def run(self, *words, status=0):
        done = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=MOST_S,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def apply(self, **variables):
        given = [f"-var={name}={value}" for name, value in variables.items()]
        self.run("apply", "-auto-approve", *given)

    def differs(self, **variables):
        """What a plan would change: addresses and the attributes that differ."""
        given = [f"-var={name}={value}" for name, value in variables.items()]
        self.run("plan", "-out=plan", *given)
        shown = self.run("show", "-json", "plan")
        found = {}
        for one in json.loads(shown)["resource_changes"]:
            change = one["change"]
            if change["actions"] not in (["no-op"], ["read"]):
                before, after = change["before"] or {}, change["after"] or {}
                found[one["address"]] = {
                    name for name in before | after if before.get(name) != after.get(name)
                }
        return found

    def resources(self):
        """The state: attributes by address."""
        shown = json.loads(self.run("show", "-json"))
        return {one["address"]: one["values"] for one in shown["values"]["root_module"]["resources"]}
