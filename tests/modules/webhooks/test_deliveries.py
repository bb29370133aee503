"""Events arrive at their receivers: signed, in the form of CloudEvents, and again until they are accepted."""

import asyncio
from datetime import timedelta

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from fastapi import FastAPI
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.clock import now
from app.core.db.engine import Database
from app.modules.webhooks.signing.headers import sign
from tests.modules.mail.sink import Sink
from tests.modules.webhooks.hooks import ALL, arrive, deliveries, follow, wait_over, webhook, work
from tests.modules.webhooks.receiver import Receiver
from tests.people import SignedInAs

TASKS = ("tasks:create", "tasks:update", "tasks:delete")


async def test_an_event_arrives_signed_and_as_a_cloud_event(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.created")
    task = (await person.post("/tasks", {"title": "Sweep"})).json()
    await person.patch(f"/tasks/{task['id']}", {"title": "Sweep well"})

    await arrive(database)

    (request,) = receiver.received
    Webhook(hook["secret"]).verify(request.body, request.headers)
    event = from_structured(HTTPMessage(request.headers, request.body), JSONFormat())
    assert (event.get_type(), event.get_subject(), event.get_specversion()) == ("task.created", task["id"], "1.0")
    assert event.get_id() == request.id
    data = request.event["data"]
    assert data["changes"]["title"] == {"old": None, "new": "Sweep"}
    assert (data["actor_kind"], data["actor_id"]) == ("user", str(person.id))
    assert request.headers["content-type"] == "application/cloudevents+json"


async def test_a_receiver_that_fails_three_times_accepts_once_under_the_same_id(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    receiver.answers = [500, 500, 500]
    await person.post("/tasks", {"title": "Sweep"})

    await arrive(database)
    for _ in range(5):
        await wait_over(database)
        await work(database)

    assert len(receiver.received) == 4
    assert len(receiver.accepted) == 1
    assert len({request.id for request in receiver.received}) == 1
    made = await deliveries(person, hook)
    assert [(each["number"], each["status"], each["error"]) for each in made] == [
        (1, 500, "refused"), (2, 500, "refused"), (3, 500, "refused"), (4, 200, None)
    ]  # fmt: skip


async def test_what_was_forged_is_old_or_comes_again_is_refused(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    await person.post("/tasks", {"title": "Sweep"})
    await arrive(database)
    (request,) = receiver.received
    verify = Webhook(hook["secret"]).verify

    old = sign(request.id, now() - timedelta(minutes=6), request.body.decode(), [hook["secret"]])
    before = str(int(request.headers["webhook-timestamp"]) - 1)
    forged = {
        "another body": (request.body + b" ", request.headers),
        "another id": (request.body, {**request.headers, "webhook-id": "evt_0"}),
        "another time": (request.body, {**request.headers, "webhook-timestamp": before}),
        "old": (request.body, old),
    }

    verify(request.body, request.headers)
    for body, headers in forged.values():
        with pytest.raises(WebhookVerificationError):
            verify(body, headers)
    assert Webhook(hook["secret"]).verify(request.body, request.headers)["id"] == request.id  # a replay has the id


async def test_while_a_secret_is_rolled_both_sign(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, app: FastAPI
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    rolled = (await person.post(f"/webhooks/{hook['id']}/roll")).json()
    await person.post("/tasks", {"title": "Sweep"})

    await arrive(database)

    (request,) = receiver.received
    assert rolled["secret"] != hook["secret"]
    for secret in (hook["secret"], rolled["secret"]):
        Webhook(secret).verify(request.body, request.headers)
    assert len(request.headers["webhook-signature"].split()) == 2


async def test_a_secret_that_was_rolled_signs_no_more_after_a_day(
    database: Database,
    receiver: Receiver,
    signed_in_as: SignedInAs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    rolled = (await person.post(f"/webhooks/{hook['id']}/roll")).json()
    await person.post("/tasks", {"title": "Sweep"})
    monkeypatch.setattr("app.modules.webhooks.delivering.messages.now", lambda: now() + timedelta(hours=25))

    await arrive(database)

    (request,) = receiver.received
    body, headers = request.body.decode(), request.headers
    at = now() + timedelta(hours=25)
    assert len(headers["webhook-signature"].split()) == 1
    assert headers["webhook-signature"] != sign(request.id, at, body, [hook["secret"]])["webhook-signature"]
    sent_at = float(headers["webhook-timestamp"])
    assert headers == {**headers, **sign(request.id, at.fromtimestamp(sent_at, at.tzinfo), body, [rolled["secret"]])}


async def test_redirects_are_not_followed(database: Database, receiver: Receiver, signed_in_as: SignedInAs) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    receiver.answers = [302]
    await person.post("/tasks", {"title": "Sweep"})

    await arrive(database)

    assert [(each["status"], each["error"]) for each in await deliveries(person, hook)] == [(302, "redirected")]


async def test_a_receiver_that_takes_too_long_has_not_accepted(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.modules.webhooks.delivering.sending.SECONDS", 0.2)
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    receiver.before_answer = lambda: asyncio.sleep(0.6)
    await person.post("/tasks", {"title": "Sweep"})

    await arrive(database)

    (attempt,) = await deliveries(person, hook)
    assert (attempt["status"], attempt["error"]) in [(None, "timed-out"), (None, "unreachable")]  # whichever is first


async def test_a_receiver_that_is_gone_turns_its_webhook_off(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    receiver.answers = [410]
    await person.post("/tasks", {"title": "Sweep"})
    await arrive(database)
    await person.post("/tasks", {"title": "Sweep again"})

    await arrive(database)

    found = (await person.get(f"/webhooks/{hook['id']}")).json()
    assert (found["enabled"], found["pause_reason"], len(receiver.received)) == (False, "gone", 1)


async def test_after_the_last_attempt_the_webhook_is_paused_and_its_owner_told(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, sink: Sink
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    receiver.answers = [503] * 13
    await person.post("/tasks", {"title": "Sweep"})
    await arrive(database)
    for _ in range(15):
        await wait_over(database)
        await work(database)

    found = (await person.get(f"/webhooks/{hook['id']}")).json()
    assert (len(receiver.received), receiver.accepted) == (13, [])
    assert (found["enabled"], found["pause_reason"]) == (True, "delivery-failed")
    assert found["paused_at"] is not None
    assert sink.recipients == [f"{person.username}@example.com"]
    assert "127.0.0.1" in sink.texts()[0]

    await person.post("/tasks", {"title": "Sweep again"})
    await arrive(database)
    assert len(receiver.received) == 13

    resumed = await person.post(f"/webhooks/{hook['id']}/resume")
    await arrive(database)

    assert (resumed.status_code, resumed.json()["paused_at"]) == (200, None)
    assert [request.event["data"]["changes"]["title"]["new"] for request in receiver.accepted] == [
        "Sweep",
        "Sweep again",
    ]
    assert receiver.accepted[0].id == receiver.received[0].id


async def test_events_are_sent_again_from_a_place_under_their_ids(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    for title in ("one", "two", "three"):
        await person.post("/tasks", {"title": title})
    await arrive(database)
    first = [(request.id, request.event["sequence"]) for request in receiver.received]

    answer = await person.post(f"/webhooks/{hook['id']}/replay", params={"from": first[1][1]})
    await arrive(database)

    assert answer.status_code == 200, answer.text
    assert [(request.id, request.event["sequence"]) for request in receiver.received[3:]] == first[1:]
    beyond = await person.post(f"/webhooks/{hook['id']}/replay", params={"from": 10**6})
    assert (beyond.status_code, beyond.json()["code"]) == (409, "beyond-log")


async def test_a_worker_that_dies_behind_the_delivery_sends_it_again_under_the_same_id(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    hook = await webhook(person, receiver, "task.*")
    await person.post("/tasks", {"title": "Sweep"})
    await follow(database)

    class Killed(BaseException):
        """The end of a process: no code of the application runs after it."""

    async def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("app.modules.webhooks.delivering.kind.record", die)
        with pytest.raises(Killed):
            await work(database)
    assert (len(receiver.received), await deliveries(person, hook)) == (1, [])

    monkeypatch.setattr("app.modules.jobs.repository.now", lambda: now() + timedelta(minutes=2))  # the lease is over
    await work(database)

    assert len(receiver.received) == 2
    assert len({request.id for request in receiver.received}) == 1
    assert [(each["number"], each["status"]) for each in await deliveries(person, hook)] == [(1, 200)]


async def test_a_test_is_sent_once_also_to_one_that_is_paused(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs
) -> None:
    person = await signed_in_as(*ALL)
    hook = await webhook(person, receiver, "task.*", enabled=False)
    receiver.answers = [500]

    asked = await person.post(f"/webhooks/{hook['id']}/test")
    await work(database)
    await wait_over(database)
    await work(database)

    assert asked.status_code == 202
    assert asked.headers["location"].endswith(f"/webhooks/{hook['id']}/deliveries")
    assert [(request.id, request.event["type"]) for request in receiver.received] == [
        (asked.json()["event_id"], "webhook.test")
    ]
    assert [each["status"] for each in await deliveries(person, hook)] == [500]


class ChangingNames:
    """DNS that answers with one address after the other, then with the last again and again."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def find(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return [self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]]


@pytest.mark.parametrize("answers", [("10.0.0.1",), ("127.0.0.1", "169.254.169.254")])
async def test_a_name_that_leads_inside_is_refused_also_after_it_changed(
    database: Database, receiver: Receiver, signed_in_as: SignedInAs, answers: tuple[str, ...]
) -> None:
    person = await signed_in_as(*ALL, *TASKS)
    url = f"http://hooks.example:{receiver.port}/"
    hook = await webhook(person, receiver, "task.*", url=url)
    receiver.answers = [500]
    await person.post("/tasks", {"title": "Sweep"})
    names = ChangingNames(*answers)

    await follow(database)
    for _ in answers:
        await wait_over(database)
        await work(database, names.find)

    made = await deliveries(person, hook)
    assert made[-1]["error"] == "forbidden-address"
    assert len(receiver.received) == len(answers) - 1
    assert names.asked == len(answers)  # once for each attempt
