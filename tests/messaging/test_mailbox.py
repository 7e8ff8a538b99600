"""Mailboxes: what is claimed, when, in which order, and what is never delivered."""

import time

import pytest

from hostreeve.contract import jobs as wire
from hostreeve.kernel.scope import Scope
from hostreeve.messaging import mailbox, store
from hostreeve.messaging.model import IN_FLIGHT_MAX
from tests.messaging.fake_agent import NODE, OTHER, SCOPE, job

SCHEMAS = ["hostreeve.messaging"]
NOW = 1_800_000_000_000


def post(database, *jobs, now_ms=NOW, scope=SCOPE):
    database.write_sync(lambda tx: mailbox.post(tx, scope, jobs, now_ms))


def claim(database, *, epoch=1, now_ms=NOW, nodes=(NODE,), scope=SCOPE):
    epochs = dict.fromkeys(nodes, epoch)
    return [
        each.job_id
        for each in database.write_sync(lambda tx: store.claim(tx, scope, epochs, now_ms=now_ms)).deliveries
    ]


def test_a_job_is_claimed_once_on_a_channel(database):
    post(database, job(1))
    assert claim(database) == [job(1).job_id]
    assert claim(database) == []


def test_an_unacknowledged_job_is_sent_again_after_its_rest_and_less_often_each_time(database):
    post(database, job(1))
    claim(database)
    assert claim(database, now_ms=NOW + 9_999) == []
    assert claim(database, now_ms=NOW + 10_000) == [job(1).job_id]
    assert claim(database, now_ms=NOW + 29_999) == []
    assert claim(database, now_ms=NOW + 30_000) == [job(1).job_id]


def test_an_unacknowledged_job_is_sent_again_at_once_over_a_new_channel(database):
    post(database, job(1))
    claim(database, epoch=1)
    assert claim(database, epoch=2, now_ms=NOW + 1) == [job(1).job_id]


def test_a_job_that_expired_is_never_delivered(database):
    post(database, job(1, expires_ms=NOW + 5_000), job(2))
    assert claim(database, now_ms=NOW + 5_000) == [job(2).job_id]


def test_a_clock_that_was_set_back_does_not_hold_jobs_up(database):
    post(database, job(1), now_ms=NOW + 3_600_000)
    assert claim(database, now_ms=NOW) == [job(1).job_id]


def test_a_node_never_holds_more_than_a_bounded_number_of_jobs(database):
    post(database, *(job(n) for n in range(25)))
    first = claim(database)
    assert len(first) == IN_FLIGHT_MAX
    assert claim(database) == []
    database.write_sync(lambda tx: store.delete_jobs(tx, SCOPE, first[:4]))
    assert len(claim(database)) == 4


def test_a_cancel_does_not_queue_behind_jobs_but_follows_the_one_it_cancels(database):
    post(database, *(job(n) for n in range(25)))
    post(database, job(99, topic=wire.TOPIC_CANCEL), now_ms=NOW + 1)
    claimed = claim(database, now_ms=NOW + 1)
    assert len(claimed) == IN_FLIGHT_MAX + 1
    assert claimed[-1] == job(99).job_id


def test_jobs_are_claimed_in_the_order_in_which_they_were_posted(database):
    for number, offset in ((3, 0), (1, 1), (2, 2)):
        post(database, job(number), now_ms=NOW + offset)
    assert claim(database, now_ms=NOW + 5) == [job(3).job_id, job(1).job_id, job(2).job_id]


def test_a_job_the_node_had_no_room_for_waits_longer_each_time(database):
    post(database, job(1))
    now_ms = NOW
    for rest_ms in (3_000, 6_000, 9_000, 12_000, 15_000, 15_000):
        assert claim(database, now_ms=now_ms) == [job(1).job_id]
        database.write_sync(lambda tx, at=now_ms: store.rest(tx, SCOPE, job(1).job_id, at))
        assert claim(database, now_ms=now_ms + rest_ms - 1) == []
        now_ms += rest_ms


def test_only_jobs_that_were_not_sent_can_be_withdrawn(database):
    post(database, job(1))
    claim(database)
    post(database, job(2), job(3, OTHER))
    wanted = [job(1).job_id, job(2).job_id, job(3, OTHER).job_id, job(4).job_id]
    withdrawn = database.write_sync(lambda tx: mailbox.withdraw(tx, SCOPE, wanted))
    assert withdrawn == {job(2).job_id, job(3, OTHER).job_id}
    assert claim(database, epoch=2, nodes=(NODE, OTHER)) == [job(1).job_id]


def test_a_job_that_its_node_refused_for_lack_of_room_can_be_withdrawn(database):
    post(database, job(1))
    claim(database)
    database.write_sync(lambda tx: store.rest(tx, SCOPE, job(1).job_id, NOW))
    assert database.write_sync(lambda tx: mailbox.withdraw(tx, SCOPE, [job(1).job_id])) == {job(1).job_id}


def test_posting_twice_leaves_one_job_in_its_first_state(database):
    post(database, job(1))
    claim(database)
    post(database, job(1), now_ms=NOW + 1)
    assert claim(database, now_ms=NOW + 1) == []


def test_another_accounts_mailbox_is_out_of_reach(database):
    post(database, job(1))
    stranger = Scope("999999999999", "us-east-1")
    assert claim(database, scope=stranger) == []
    assert database.write_sync(lambda tx: mailbox.withdraw(tx, stranger, [job(1).job_id])) == set()
    assert claim(database) == [job(1).job_id]


def test_a_content_is_stored_once_and_its_first_text_stays(database):
    database.write_sync(lambda tx: mailbox.keep_content(tx, "c", "first"))
    database.write_sync(lambda tx: mailbox.keep_content(tx, "c", "second"))
    assert database.read_sync(lambda tx: store.contents(tx, ["c", "d"])) == {"c": "first"}
    database.write_sync(lambda tx: mailbox.drop_content(tx, "c"))
    assert database.read_sync(lambda tx: store.contents(tx, ["c"])) == {}


def test_what_expired_long_ago_is_swept_away(database):
    post(database, job(1, expires_ms=NOW), job(2))
    database.write_sync(lambda tx: mailbox.keep_content(tx, "old", "x", NOW))
    database.write_sync(lambda tx: mailbox.keep_content(tx, "kept", "x"))
    database.write_sync(lambda tx: store.sweep(tx, NOW + 600_000))
    rows = database.read_sync(lambda tx: tx.all("SELECT job_id FROM mailbox_jobs"))
    assert [row["job_id"] for row in rows] == [job(2).job_id]
    assert database.read_sync(lambda tx: store.contents(tx, ["old", "kept"])) == {"kept": "x"}


def test_a_forgotten_node_loses_its_jobs_and_its_channels_right(database):
    post(database, job(1), job(2, OTHER))
    epoch = database.write_sync(lambda tx: store.open_channel(tx, SCOPE, NODE, "r", NOW))
    database.write_sync(lambda tx: mailbox.forget_node(tx, SCOPE, NODE))
    assert database.read_sync(lambda tx: store.current_epochs(tx, SCOPE, [NODE])) == {}
    assert claim(database, nodes=(NODE, OTHER)) == [job(2, OTHER).job_id]
    assert database.write_sync(lambda tx: store.open_channel(tx, SCOPE, NODE, "r", NOW)) > epoch


def test_every_connection_has_a_greater_epoch(database):
    epochs = [
        database.write_sync(lambda tx, r=replica: store.open_channel(tx, SCOPE, NODE, r, NOW))
        for replica in ("a", "b", "a")
    ]
    assert epochs == [1, 2, 3]
    database.write_sync(lambda tx: store.close_channels(tx, [(SCOPE, NODE, 2)], NOW))
    assert database.read_sync(lambda tx: store.current_epochs(tx, SCOPE, [NODE])) == {NODE: 3}
    database.write_sync(lambda tx: store.close_channels(tx, [(SCOPE, NODE, 3)], NOW))
    assert database.read_sync(lambda tx: store.current_epochs(tx, SCOPE, [NODE])) == {}


def test_a_channel_is_open_only_while_its_replica_says_that_it_lives(database):
    def is_open(now_ms):
        return database.read_sync(lambda tx: store.is_open(tx, SCOPE, NODE, now_ms))

    database.write_sync(lambda tx: store.beat(tx, "r", NOW))
    database.write_sync(lambda tx: store.open_channel(tx, SCOPE, NODE, "r", NOW))
    assert is_open(NOW + 44_000)
    assert not is_open(NOW + 46_000)
    database.write_sync(lambda tx: store.beat(tx, "r", NOW + 40_000))
    assert is_open(NOW + 46_000)
    database.write_sync(lambda tx: store.beat(tx, "r", NOW + 41_000, stopped=True))
    assert not is_open(NOW + 46_000)


def test_nodes_with_due_jobs_are_found(database):
    post(database, job(1), job(2, OTHER))
    claim(database)
    assert database.read_sync(lambda tx: store.nodes_due(tx, NOW, 100)) == [OTHER]
    later = database.read_sync(lambda tx: store.nodes_due(tx, NOW + 10_000, 100))
    assert sorted(later) == sorted([NODE, OTHER])


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_five_hundred_jobs_are_posted_in_milliseconds(database):
    jobs = [job(1, f"mi-{n:017x}") for n in range(500)]
    started = time.process_time()
    post(database, *jobs)
    assert time.process_time() - started < 0.25
