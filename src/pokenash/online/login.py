"""The login server: a name and a password for a signed assertion, which the game server takes."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

from pokenash.errors import ServerError
from pokenash.online.account import Account
from pokenash.online.address import is_local
from pokenash.terminal import printable

__all__ = ["request_assertion"]

_MAX_ANSWER = 2**16
_SECONDS = 15.0


def request_assertion(login_url: str, account: Account, challstr: str) -> str:
    """Ask the login server to sign the server's challenge; blocks, so call it in a thread.

    Parameters
    ----------
    login_url : str
    account : Account
    challstr : str
        What the game server sent after ``|challstr|``.

    Returns
    -------
    str
        For ``/trn NAME,0,ASSERTION``. A secret for as long as it is valid.

    Raises
    ------
    ServerError
        If the login server cannot be reached or refuses; the message holds neither password nor assertion.
    """
    problem, answer = _ask(login_url, account, challstr)
    if answer is None:
        raise ServerError(f"the login server at {login_url} gave no answer: {problem}")
    assertion = answer.get("assertion")
    if not isinstance(assertion, str) or not assertion or "\n" in assertion:
        raise ServerError(f"the login server refused the user name {account.username!r}, or its password is wrong")
    if assertion.startswith(";"):
        reason = printable(assertion.lstrip(";")) or "the name is registered, and a password is needed"
        raise ServerError(f"the login server refused the user name {account.username!r}: {reason}")
    return assertion


def _ask(login_url: str, account: Account, challstr: str) -> tuple[str, dict[str, object] | None]:
    """The login server's answer as JSON, or None and what went wrong.

    Errors end here: the frames of a traceback would hold the password.
    """
    if account.password is None:
        fields = {"act": "getassertion", "userid": account.id, "challstr": challstr}
    else:
        fields = {"act": "login", "name": account.username, "pass": account.password, "challstr": challstr}
    try:
        text = _post(login_url, fields)
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}", None
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        return printable(str(getattr(error, "reason", "") or type(error).__name__)), None
    if account.password is None:
        return "", {"assertion": text.strip()}
    try:
        # The answer starts with a bracket that keeps it from being run as a script.
        answer = json.loads(text.removeprefix("]"))
    except (ValueError, RecursionError):
        return "not JSON", None
    return ("", answer) if isinstance(answer, dict) else ("not a JSON object", None)


def _post(url: str, fields: dict[str, str]) -> str:
    body = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data=body, headers={"User-Agent": "pokenash"})
    local = is_local(urllib.parse.urlsplit(url).hostname or "")
    # A password for this machine leaves it through no proxy, whatever the environment says.
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    with opener.open(request, timeout=_SECONDS) as response:
        data: bytes = response.read(_MAX_ANSWER)
    return data.decode()
