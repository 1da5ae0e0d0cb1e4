"""httpx, over HTTP/1.1 and HTTP/2."""
import httpx
from scenarios import BASE, CA, HEADERS, echoed, show

for http2 in (False, True):
    with httpx.Client(verify=CA, headers=HEADERS, http2=http2, timeout=30) as client:
        version = "2" if http2 else "1.1"
        answer = client.get(BASE + "/echo/a%20b", params={"q": "1 & 2"}, headers={"x-own": "1"})
        show("get " + version, answer.http_version, answer.status_code, echoed(answer.text))
        answer = client.post(BASE + "/echo", json={"text": "ü" * 10})
        show("post " + version, answer.status_code, echoed(answer.text))
        answer = client.post(BASE + "/upload", content=(b"x" * 1000 for _ in range(500)))
        show("chunks up " + version, answer.status_code, answer.json())
        with client.stream("GET", BASE + "/bytes/3000000?chunked") as stream:
            show("stream " + version, stream.status_code, sum(len(part) for part in stream.iter_raw()))
        answer = client.get(BASE + "/gzip")
        show("gzip " + version, answer.status_code, answer.text)
        with client.stream("GET", BASE + "/events?count=3&ms=5") as stream:
            show("events " + version, [line.split(",")[0] for line in stream.iter_lines() if line])
        answer = client.get(BASE + "/nothing")
        show("missing " + version, answer.status_code, answer.text)
        try:
            client.get(BASE + "/cut")
            show("cut " + version, "whole")
        except httpx.HTTPError as error:
            show("cut " + version, isinstance(error, httpx.TransportError))
print("end")
