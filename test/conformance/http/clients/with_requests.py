"""requests, over urllib3."""
import requests
from scenarios import BASE, CA, HEADERS, echoed, show

session = requests.Session()
session.verify = CA
session.headers.update(HEADERS)

answer = session.get(BASE + "/echo/a b/ü", params={"q": ["1", "zwei & drei"]}, headers={"x-own": "1"})
show("get", answer.status_code, echoed(answer.text))
for method in ("POST", "PUT", "PATCH", "DELETE"):
    answer = session.request(method, BASE + "/echo", json={"text": "ü" * 10})
    show(method.lower(), answer.status_code, echoed(answer.text))
answer = session.post(BASE + "/echo", data={"a": "1", "b": "ü"})
show("form", answer.status_code, echoed(answer.text))
answer = session.post(BASE + "/upload", data=(b"x" * 1000 for _ in range(500)))
show("chunks up", answer.status_code, answer.json())
answer = session.head(BASE + "/bytes/1000")
show("head", answer.status_code, answer.headers["content-length"], len(answer.content))
answer = session.get(BASE + "/gzip")
show("gzip", answer.status_code, answer.text)
answer = session.get(BASE + "/bytes/3000000?chunked", stream=True)
show("stream", answer.status_code, sum(len(part) for part in answer.iter_content(65536)))
answer = session.get(BASE + "/bytes/1000", headers={"range": "bytes=10-19"})
show("range", answer.status_code, answer.headers["content-range"], len(answer.content))
answer = session.get(BASE + "/events?count=3&ms=5", stream=True)
show("events", [line.split(b",")[0].decode() for line in answer.iter_lines() if line])
answer = session.get(BASE + "/redirect", params={"to": "/elsewhere"}, allow_redirects=False)
show("redirect", answer.status_code, "location" in answer.headers)
answer = session.get(BASE + "/nothing")
show("missing", answer.status_code, answer.text)
try:
    session.get(BASE + "/cut")
    show("cut", "whole")
except requests.exceptions.RequestException as error:
    show("cut", type(error).__name__)
print("end")
