"""The API and its OpenAPI document say the same: every route, every status, every key."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal

import aiohttp
import bcrypt
import pytest
from jsonschema import Draft202012Validator
from tests.support.observed import all_stages, failed, make_attempt, make_route, on_time, told
from tests.support.openapi import Operation, fits, hold, operations
from tests.support.probing import impatient
from tests.support.site import Agent, browsing

from mailsonar import __version__
from mailsonar.app.agent import run_agent
from mailsonar.app.settings import Settings
from mailsonar.clock import SystemClock
from mailsonar.config.web import WebConfig
from mailsonar.model.fault import Fault, Reason
from mailsonar.model.result import Outcome, Reply, TlsFacts
from mailsonar.model.stage import STAGES_OF, Leg, Stage
from mailsonar.model.transcript import Line, Speaker, Transcript
from mailsonar.sandbox import delivery, pop3_faults
from mailsonar.sandbox.demo_world import DemoWorld
from mailsonar.web import passwords
from mailsonar.web.entrance import Entrance
from mailsonar.web.openapi import DOCUMENT
from mailsonar.web.server import build_app

WRONG = {"Authorization": "Basic YTpi"}
TLS = TlsFacts(server="smtp.acme.example:587", protocol="smtp", version=None, cipher=None, verified=False,
               not_after_wall=1_798_761_600.0, problem="expired", names=("a",), key="RSA 2048")  # fmt: skip
OVERDUE = Fault(leg=Leg.RETRIEVAL, stage=Stage.LIST, reason=Reason.TIMEOUT, detail="no answer in 30 s")
SAID = Transcript(leg=Leg.SUBMISSION, server="smtp.acme.example:587", start_seconds=0.5, lines=(
    Line(who=Speaker.CLIENT, stage=Stage.DATA, milliseconds=12, text="DATA"),))  # fmt: skip


def documented_answers():
    """Return every status of every operation of the document."""
    return [
        pytest.param(operation, int(status), id=f"{operation} {status}")
        for operation in operations(DOCUMENT)
        for status in DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
    ]


@pytest.fixture
def agent():
    """Give an agent with a route that has had attempts of all kinds, and one that had none."""
    agent = Agent()
    route = make_route(labels=(("customer", "acme"),))
    agent.configure(route, make_route("fresh"))
    agent.run(on_time(make_attempt(route, 1.0), stages=all_stages(), tls=(TLS,), provenance=told(), duplicates=1,
                      reply=Reply(code=250, enhanced="2.0.0", text="queued")))  # fmt: skip
    agent.run(failed(make_attempt(route, 2.0), Outcome.REFUSED, transcripts=(SAID,), reply=Reply(text="-ERR")))
    for started in (3.0, 4.0):
        agent.tell("attempt_started", make_attempt(route, started))
    agent.tell("verdict_fell", failed(make_attempt(route, 3.0), Outcome.PENDING, OVERDUE, transcripts=(SAID,)))
    return agent


@pytest.mark.parametrize(("operation", "status"), documented_answers())
async def test_every_documented_answer_is_given(agent, monkeypatch, operation, status):
    """For each status there is a way to get it, and its headers and body are those of the document."""
    agent.can_probe = status != 409
    users = {"a": bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode()} if status in {401, 503} else {}
    entrance = Entrance.by(WebConfig(users=users))
    if status == 503:
        monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    async with browsing(agent.site(lifecycle=status != 403, entrance=lambda: entrance)) as client:
        url = operation.url("nothing" if status == 404 else "acme-internal")
        async with client.request(operation.method, url, headers=WRONG) as answer:
            assert answer.status == status
            await hold(answer, operation, DOCUMENT)


async def test_what_the_examples_hold(agent):
    """The examples above exercise the schemas: all kinds of attempts, each with what only it has."""
    async with (
        browsing(agent.site(lifecycle=False)) as client,
        client.get("/api/v1/routes/acme-internal/results") as got,
    ):
        results = await hold(got, Operation("GET", "/api/v1/routes/{name}/results"), DOCUMENT)
    assert [result["outcome"] for result in results] == ["pending", "pending", "refused", "on_time"]
    assert [result["success"] for result in results] == [None, False, False, True]
    assert ["transcript" in result for result in results] == [False, True, True, False]
    assert results[3]["hops"]
    assert results[3]["verdicts"] == {"spf": "pass", "dkim": "none", "dmarc": "fail"}


async def test_other_methods(agent):
    """What the document does not list is 405, in JSON."""
    async with browsing(agent.site(lifecycle=True)) as client:
        for path, item in DOCUMENT["paths"].items():
            for method in {"get", "post", "put", "patch", "delete", "options", "trace"} - set(item):
                async with client.request(method, path.replace("{name}", "acme-internal")) as answer:
                    assert answer.status == 405
                    fits(await answer.json(), {"$ref": "#/components/schemas/Error"}, DOCUMENT)
    assert agent.probed == []


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v2/routes", "/api/v1/routes/", "/api/v1/<b>"])
async def test_unknown_paths_of_the_api(agent, path):
    """What is below /api/ and does not exist is 404, in JSON that repeats nothing."""
    async with browsing(agent.site(lifecycle=True)) as client, client.get(path) as answer:
        assert answer.status == 404
        if path != "/api":
            assert await answer.json() == {"error": "Not found."}


def test_no_route_is_undocumented(agent):
    """Every route of the API stands in the document, and every path of the document is a route."""
    router = build_app(agent.site(lifecycle=True)).router
    routes = {(route.method, route.resource.canonical) for route in router.routes() if route.method != "HEAD"}
    served = {(method, path) for method, path in routes if path.startswith("/api/")}
    assert served == {(operation.method, operation.path) for operation in operations(DOCUMENT)}


def test_the_document_makes_sense():
    """Its schemas are valid, its references lead somewhere, its parameters are declared, and nothing is left over."""
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(DOCUMENT)
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) == set(DOCUMENT["components"]["schemas"])
    ids = re.findall(r'"operationId": "(\w+)"', text)
    assert len(ids) == len(set(ids)) == len(list(operations(DOCUMENT)))
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            declared = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert declared == re.findall(r"{(\w+)}", path)
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", __version__)


@pytest.mark.parametrize("leg", Leg)
def test_words_beyond_the_closed_lists_do_not_fit(leg):
    """The lists in the document are those of the model, and closed."""
    schema = {"$ref": "#/components/schemas/Fault"}
    fault = {"leg": str(leg), "stage": str(STAGES_OF[leg][0]), "reason": "internal", "detail": ""}
    fits(fault, schema, DOCUMENT)
    for key in ("leg", "stage", "reason", "more"):
        with pytest.raises(AssertionError):
            fits({**fault, key: "word"}, schema, DOCUMENT)


async def test_a_live_agent_keeps_to_its_document(tmp_path, monkeypatch):
    """What an agent serves is as its document says, beside servers that work and such that do not."""
    impatient(monkeypatch)
    async with DemoWorld(tmp_path) as world, aiohttp.ClientSession() as http:
        world.customers["globex"].pop3.faults.on(pop3_faults.LOGIN_REFUSED)
        world.customers["initech"].mailbox.faults.on(delivery.delay(20))
        config_file = tmp_path / "mailsonar.yml"
        config_file.write_text(world.config_yaml().replace("deadline: 5s", "deadline: 1s"))
        settings = Settings(config_file=config_file, environ={}, listen_address="127.0.0.1:0", enable_lifecycle=True)
        up = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(run_agent(settings.load(), settings, SystemClock(), up.set_result))
        url = (await up).rstrip("/")
        async with http.get(url + "/api/v1/openapi.json") as answer:
            document = await answer.json()
        for route in ("acme-internal", "globex-internal", "initech-internal"):
            async with http.post(f"{url}/api/v1/routes/{route}/probe") as answer:
                assert await hold(answer, Operation("POST", "/api/v1/routes/{name}/probe"), document) == {
                    "route": route
                }
        seen = set()
        async with asyncio.timeout(15):
            while not seen >= {("on_time", True, False), ("pending", None, False), ("pending", False, True)}:
                seen |= {
                    (result["outcome"], result["success"], "transcript" in result)
                    for result in await walked(http, url, document)
                }
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    assert document == DOCUMENT


async def walked(http, url, document):
    """Ask for all that can be read, of every route and of one that is not there; return the results."""
    async with http.get(url + "/api/v1/routes") as answer:
        names = [route["route"] for route in await answer.json()]
    results = []
    for operation in [one for one in operations(document) if one.method == "GET"]:
        for name in [*names, "nothing"] if "{name}" in operation.path else [""]:
            async with http.get(url + operation.url(name)) as answer:
                assert answer.status == (404 if name == "nothing" else 200)
                body = await hold(answer, operation, document)
            if operation.path.endswith("/results") and name != "nothing":
                results += body
    return results
