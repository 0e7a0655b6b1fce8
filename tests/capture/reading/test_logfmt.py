import json
from datetime import UTC, datetime, timedelta

import pytest

from workbench.capture import read
from workbench.capture.reading.logfmt import pairs_in
from workbench.errors import LogError

EVENTS = [
    {
        "event": ("OrderPlaced", "StockReserved", "PaymentReceived")[n % 3],
        "event_id": f"e-{n}",
        "service": ("shop", "inventory", "billing")[n % 3],
        "order_id": f"o-{n // 3}",
        "caused_by": f"e-{n - 1}" if n % 3 else "-",
        "msg": f'"step {n}, \\"done\\""',
        "total": str(n),
    }
    for n in range(30)
]
FIRST = datetime(2026, 3, 1, 9, tzinfo=UTC)


def times():
    return [(FIRST + timedelta(seconds=n)).isoformat() for n in range(len(EVENTS))]


def said(event):
    return " ".join(f"{name}={value}" for name, value in event.items())


def written(tmp_path, lines):
    path = tmp_path / "app.log"
    path.write_text("\n".join(lines) + "\n")
    return read(path, progress=False)


def as_expected(log):
    assert log.frame["type"].tolist() == [event["event"] for event in EVENTS]
    assert log.frame["id"].tolist() == [event["event_id"] for event in EVENTS]
    assert log.frame["source"].tolist() == [event["service"] for event in EVENTS]
    assert log.frame["correlation_id"].tolist() == [event["order_id"] for event in EVENTS]
    causes = [None if e["caused_by"] == "-" else e["caused_by"] for e in EVENTS]
    assert (
        log.frame["causation_id"].astype(object).where(lambda c: c.notna(), None).tolist() == causes
    )
    assert log.frame["time"].map(lambda time: time.isoformat()).tolist() == times()


def test_lines_of_names_and_values_are_events(tmp_path):
    log = written(
        tmp_path, [f"ts={t} level=info {said(e)}" for t, e in zip(times(), EVENTS, strict=True)]
    )
    as_expected(log)
    assert log.mapping.format == "text of names and values (logfmt)"
    assert log.frame["msg"][4] == 'step 4, "done"'
    assert log.frame["total"].tolist() == list(range(30))


def test_text_before_them_tells_the_time_and_is_kept(tmp_path):
    lines = [f"{t}  INFO [main] Handled: {said(e)}" for t, e in zip(times(), EVENTS, strict=True)]
    lines[3:3] = [
        "java.lang.IllegalStateException: no stock",
        "\tat shop.Handler.run(Handler.java:7)",
    ]
    log = written(tmp_path, lines)
    as_expected(log)
    assert log.mapping["time"] == "line_stamp"
    assert log.frame["line_head"][0] == f"{times()[0]}  INFO [main] Handled:"
    assert log.rejected["line"].tolist() == [4, 5]
    assert set(log.rejected["reason"]) == {
        "this line holds no names and values, such as event=OrderPlaced"
    }


def test_they_are_found_in_what_a_container_or_a_platform_kept(tmp_path):
    pairs = list(zip(times(), EVENTS, strict=True))
    docker = [json.dumps({"log": f"ts={t} {said(e)}\n", "stream": "stdout"}) for t, e in pairs]
    as_expected(written(tmp_path, docker))
    values = [[str(n), f"ts={t} {said(e)}"] for n, (t, e) in enumerate(pairs)]
    loki = {
        "status": "success",
        "data": {"resultType": "streams", "result": [{"stream": {}, "values": values}]},
    }
    as_expected(written(tmp_path, [json.dumps(loki)]))


@pytest.mark.parametrize(
    ("text", "pairs", "others"),
    [
        ("a=1 b=two", {"a": "1", "b": "two"}, ""),
        ("a=1, b=2; c=3 | d=4", {"a": "1", "b": "2", "c": "3", "d": "4"}, ""),
        ('a="x y" b=\'u "v"\' c="\\u00fc\\n"', {"a": "x y", "b": 'u "v"', "c": "ü\n"}, ""),
        ('a="\\q" b="open c=1', {"a": "\\q", "c": "1"}, 'b="open'),
        ("a= b=x=y c=http://h/?p=1&q=2", {"a": None, "b": "x=y", "c": "http://h/?p=1&q=2"}, ""),
        ("begin a=1 debug b=2 end", {"a": "1", "b": "2"}, "begin debug end"),
        ("a=1 a=2", {"a": "1"}, ""),
        ("MDC {a=1, b=x} - sent", {"a": "1", "b": "x"}, "MDC { } - sent"),
        ("A(a=1, b=f(x), c=[1,2])", {"a": "1", "b": "f(x)", "c": "[1,2]"}, "A( )"),
        ('[ex@1 a="1" b="x y"] c=3', {"a": "1", "b": "x y", "c": "3"}, "[ex@1 ]"),
        ("span{a=1 b=2}: done c=3", {"a": "1", "b": "2", "c": "3"}, "span{ }: done"),
        ('a={"x": "y=1 z=2"} b=[1, 2] c=3', {"a": '{"x": "y=1 z=2"}', "b": "[1, 2]", "c": "3"}, ""),
        ("a={no json b=2", {"a": "{no", "b": "2"}, "json"),
        ("a=1,b=2;c=x,y|d=4", {"a": "1", "b": "2", "c": "x,y", "d": "4"}, ""),
        ("no pair == at =all", {}, "no pair == at =all"),
    ],
)
def test_names_and_values_and_the_text_beside_them(text, pairs, others):
    assert pairs_in(text) == (pairs, others)


def test_text_that_says_little_is_taken_for_no_names_and_values(tmp_path):
    with pytest.raises(
        LogError,
        match=r"no line of its beginning is a JSON object or ends in one, and it is no CSV with a header; "
        r"take it apart with pandas \(str.extract\), and give EventLog the DataFrame. It begins 'started",
    ):
        written(tmp_path, ["started with pid=3", "handled order=1 ok", "done"])


def test_text_of_any_length_takes_time_in_proportion():
    for bit in ("a=)", ' a="x', " a={", " a=[[", "a=,", "a='", "=", 'a="\\'):
        pairs_in(bit * 50_000)


@pytest.mark.parametrize(
    "shape",
    ["{ts} INFO {{{pairs}}} - sent", "{ts} sent Event({pairs})", "{ts} <1>1 [ex@1 {pairs}] sent"],
)
def test_brackets_may_stand_around_them(tmp_path, shape):
    def line(time, event):
        between = " " if "ex@1" in shape else ", "
        pairs = between.join(f'{name}="{v}"' for name, v in event.items() if name != "msg")
        return shape.format(ts=time, pairs=pairs if "ex@1" in shape else pairs.replace('"', ""))

    as_expected(written(tmp_path, list(map(line, times(), EVENTS))))


@pytest.mark.parametrize("last", [True, False])
def test_a_value_may_be_json(tmp_path, last):
    lines = []
    for time, event in zip(times(), EVENTS, strict=True):
        payload = "payload=" + json.dumps({"order": event["order_id"], "note": "x=1 y=2"})
        lines.append(
            " ".join([f"ts={time}", *([said(event), payload] if last else [payload, said(event)])])
        )
    log = written(tmp_path, lines)
    as_expected(log)
    assert log.frame["data"].tolist() == [
        {"order": event["order_id"], "note": "x=1 y=2"} for event in EVENTS
    ]


@pytest.mark.parametrize("banner", ["starting app v1", "started, ok, fine", "[info] ready\n\n# go"])
def test_other_text_above_names_and_values_is_rejected(tmp_path, banner):
    above = banner.split("\n")
    log = written(
        tmp_path,
        [
            *above,
            *(f"ts={time} {said(event)}" for time, event in zip(times(), EVENTS, strict=True)),
        ],
    )
    as_expected(log)
    assert log.rejected["text"].tolist() == list(filter(None, above))
