"""Windows and associations with real processes: servers and databases that die over due times, cutoffs, nodes
that vanish."""

import os
import shutil
import signal
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tools import postgres
from tools.bench.control_plane import serving

from tests.acceptance.conftest import Site

pytestmark = pytest.mark.slow

SOON_S = 5


def at(seconds):
    """(expression, moment) of a time so many seconds ahead."""
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})", moment


def wait_until(moment):
    time.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


class Window:
    """A maintenance window of one hour without a cutoff of its own, on nodes by id."""

    def __init__(self, site, schedule, *node_ids):
        self.site, self.ssm = site, site.client("ssm")
        self.id = self.ssm.create_maintenance_window(
            Name="Faults", Schedule=schedule, Duration=1, Cutoff=0, AllowUnassociatedTargets=True
        )["WindowId"]
        self.targets = [{"Key": "InstanceIds", "Values": list(node_ids)}]

    def task(self, script, *, timeout_s=3600, **more):
        parameters = {"commands": [script], "executionTimeout": [str(timeout_s)]}
        command = {"Parameters": parameters, "TimeoutSeconds": max(30, min(600, timeout_s))}
        self.ssm.register_task_with_maintenance_window(
            WindowId=self.id,
            TaskType="RUN_COMMAND",
            TaskArn="AWS-RunShellScript",
            Targets=self.targets,
            MaxConcurrency="10",
            MaxErrors="10",
            TaskInvocationParameters={"RunCommand": command},
            **more,
        )
        return self

    def executions(self, site=None):
        ssm = (site or self.site).client("ssm")
        return ssm.describe_maintenance_window_executions(WindowId=self.id)["WindowExecutions"]

    def ended(self, site=None, timeout_s=60):
        """The one execution, once it has ended."""
        site = site or self.site

        def found():
            listed = self.executions(site)
            return [each for each in listed if each["Status"] not in ("PENDING", "IN_PROGRESS")]

        (one,) = site.until(found, timeout_s)
        return one

    def tasks(self, execution):
        listed = self.ssm.describe_maintenance_window_execution_tasks(
            WindowExecutionId=execution["WindowExecutionId"]
        )["WindowExecutionTaskIdentities"]
        return [
            self.ssm.get_maintenance_window_execution_task(
                WindowExecutionId=execution["WindowExecutionId"], TaskId=each["TaskExecutionId"]
            )
            for each in listed
        ]


def associate(site, node_id, script, **schedule):
    made = site.client("ssm").create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "InstanceIds", "Values": [node_id]}],
        Parameters={"commands": [script]},
        **schedule,
    )
    return made["AssociationDescription"]["AssociationId"]


def applied(site, association_id, count, timeout_s=60):
    """The executions, once there are so many and all have ended."""

    def found():
        listed = site.client("ssm").describe_association_executions(AssociationId=association_id)
        executions = listed["AssociationExecutions"]
        over = all(each["Status"] not in ("Pending", "InProgress") for each in executions)
        return executions if over and len(executions) >= count else None

    return site.until(found, timeout_s)


def test_a_server_that_is_killed_over_a_due_time_does_what_was_due_once_and_late(tmp_path):
    state, runs = tmp_path / "state", tmp_path / "runs"
    with serving(state) as plane:
        site = Site(plane, tmp_path)
        node = site.enrol()
        schedule, moment = at(SOON_S)
        window = Window(site, schedule, node).task(f"echo window >> {runs}")
        association = associate(site, node, f"echo association >> {runs}", ScheduleExpression=schedule)
        applied(site, association, 1)
        port = int(plane.url.rsplit(":", 1)[1])
        assert datetime.now(UTC) < moment, "too slow a machine for this test"
        site.kill_server()
    wait_until(moment + timedelta(seconds=2))
    assert runs.read_text() == "association\n"
    try:
        with serving(state, port=port) as plane:
            again = Site(plane, tmp_path, site.agents)
            done = window.ended(again)
            assert done["Status"] == "SUCCESS"
            assert done["StartTime"] >= moment + timedelta(seconds=1.9)
            assert len(applied(again, association, 2)) == 2
            time.sleep(1)
            assert sorted(runs.read_text().split()) == ["association", "association", "window"]
            assert len(window.executions(again)) == 1
    finally:
        site.close()


@pytest.fixture
def database(tmp_path):
    """A PostgreSQL server of this test alone, whose commits are on disk."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="hostreeve-postgres-"))
    folder.chmod(0o755)
    url = postgres.start(folder, os.getpid(), durable=True)
    yield url
    postgres.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_two_replicas_do_what_is_due_once(database, tmp_path):
    with serving(tmp_path / "a", "--database", database) as first:
        site = Site(first, tmp_path)
        (tmp_path / "b").mkdir()
        for shared in ("master.key", "certificates", "admin.env"):
            source, target = tmp_path / "a" / shared, tmp_path / "b" / shared
            shutil.copytree(source, target) if source.is_dir() else shutil.copy2(source, target)
        with serving(tmp_path / "b", "--database", database):
            try:
                node = site.enrol()
                schedule, _ = at(SOON_S + 3)
                windows = [
                    Window(site, schedule, node).task(f"echo window-{n} >> {tmp_path}/runs") for n in range(6)
                ]
                associations = [
                    associate(
                        site, node, f"echo association-{n} >> {tmp_path}/runs", ScheduleExpression=schedule
                    )
                    for n in range(3)
                ]
                for window in windows:
                    assert window.ended()["Status"] == "SUCCESS"
                for association in associations:
                    assert len(applied(site, association, 2)) == 2
                time.sleep(1)
                expected = [f"window-{n}" for n in range(6)]
                expected += [f"association-{n}" for n in range(3) for _ in range(2)]
                assert sorted((tmp_path / "runs").read_text().split()) == sorted(expected)
                assert all(len(window.executions()) == 1 for window in windows)
            finally:
                site.close()


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_at_the_cutoff_one_task_is_cancelled_on_the_node_and_the_other_goes_on(database, tmp_path):
    """The hour that a window lasts at least is shortened in the database; all else is as it would be."""
    with serving(tmp_path / "a", "--database", database) as plane:
        site = Site(plane, tmp_path)
        try:
            node = site.enrol()
            loop = f"echo $$ > {tmp_path}/%s; while [ ! -e {tmp_path}/go ]; do sleep 0.1; done"
            window = Window(site, at(SOON_S)[0], node)
            window.task(loop % "stopped", CutoffBehavior="CANCEL_TASK")
            window.task(loop % "going", CutoffBehavior="CONTINUE_TASK")
            window.task(f"touch {tmp_path}/never", Priority=7)
            pids = {name: tmp_path / name for name in ("stopped", "going")}
            site.until(lambda: all(path.exists() and path.read_text().strip() for path in pids.values()))
            stopped, going = (int(path.read_text()) for path in pids.values())
            assert lives(stopped) and lives(going)
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("UPDATE window_executions SET cutoff_ms = %(ms)s, due_ms = %(ms)s", soon())
            site.until(lambda: not lives(stopped))
            time.sleep(1)
            assert lives(going)
            (tmp_path / "go").touch()
            done = window.ended()
            assert done["Status"] == "TIMED_OUT"
            shown = {(task["Priority"], task["Status"]) for task in window.tasks(done)}
            assert shown == {(0, "TIMED_OUT"), (0, "SUCCESS"), (7, "TIMED_OUT")}
            assert not (tmp_path / "never").exists()
        finally:
            site.close()


def soon():
    return {"ms": int(time.time() * 1000) + 1000}


def test_a_window_whose_nodes_vanish_ends_all_the_same(site, tmp_path):
    """One is gone when the window opens, one goes while its task runs: nobody tells, its command runs out."""
    gone, going = site.enrol("one"), site.enrol("two")
    window = Window(site, at(SOON_S)[0], gone).task(f"touch {tmp_path}/never")
    window.targets = [{"Key": "InstanceIds", "Values": [going]}]
    window.task(f"touch {tmp_path}/begun; sleep 300", Priority=1, timeout_s=5)
    ssm = site.client("ssm")
    for name, node in (("one", gone), ("two", going)):
        if name == "two":
            site.until((tmp_path / "begun").exists)
        site.agents[name].kill()
        ssm.deregister_managed_instance(InstanceId=node)
    done = window.ended(timeout_s=90)
    assert done["Status"] in ("FAILED", "TIMED_OUT"), done
    first, second = sorted(window.tasks(done), key=lambda task: task["Priority"])
    assert first["Status"] == "SUCCESS" and second["Status"] != "SUCCESS"
    assert not (tmp_path / "never").exists()


def test_a_database_that_crashes_in_the_middle_of_a_run_loses_and_repeats_nothing(database, tmp_path):
    runs = tmp_path / "runs"
    with serving(tmp_path / "a", "--database", database) as plane:
        site = Site(plane, tmp_path)
        try:
            node = site.enrol()
            window = Window(site, at(SOON_S)[0], node).task(f"echo run >> {runs}; sleep 3")
            window.task(f"echo second >> {runs}", Priority=1)
            site.until(runs.exists)
            with psycopg.connect(database, autocommit=True) as connection:
                (pid,) = connection.execute(
                    "SELECT pid FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' LIMIT 1"
                ).fetchone()
            # One backend killed so makes PostgreSQL end all the others and recover.
            os.kill(pid, signal.SIGKILL)
            done = window.ended(timeout_s=90)
            assert done["Status"] == "SUCCESS"
            assert runs.read_text().split() == ["run", "second"]
            assert len(window.executions()) == 1
        finally:
            site.close()
