"""A page's tool process: requests and answers as JSON lines on its standard streams, until its
input ends.

Started by path with `-I -S`: the standard library only, and as little of it as possible.
"""

from __future__ import annotations

import json
import sys


def answer(request: dict[str, object]) -> dict[str, object]:
    """The answer to one request, under the request's id."""
    if request["tool"] == "count_words":
        return {"id": request["id"], "result": len(str(request["text"]).split())}
    return {"id": request["id"], "error": f"no such tool: {request['tool']}"}


def main() -> None:
    """Greet, then answer line by line."""
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
