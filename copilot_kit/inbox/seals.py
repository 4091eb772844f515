"""What the server hands to a page and must get back unchanged: tokens against forged requests, and what was shown."""

import base64
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from copilot_kit.errors import UsageError

_MOST_USED = 20_000


class Forged(UsageError):
    """A token is missing, belongs to somebody else, was used, or is not ours."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one person had before them when they decided."""

    proposal_id: str
    call_digest: str
    shown_digest: str
    opened: tuple[str, ...]
    """Folds that were rendered in full; `*` for all."""
    at: float
    """When the card was opened first, in seconds since 1970."""


class Seals:
    """Makes and checks tokens; those of other processes with the same secret are good too."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._used: OrderedDict[str, None] = OrderedDict()

    @property
    def name(self) -> str:
        """Tells this secret from others without giving it away."""
        return self._mac("name", "")[:8]

    def csrf(self, session: str) -> str:
        """Return the token that each form of this session carries."""
        return self._mac("csrf", session)

    def check_csrf(self, session: str, token: str) -> None:
        """Raise `Forged` if the token is not this session's."""
        if not hmac.compare_digest(self.csrf(session).encode(), token.encode("utf-8", "surrogatepass")):
            raise Forged("The form's token is missing or not yours. Open the page again and repeat what you did.")

    def nonce(self, session: str, shown: Shown) -> str:
        """Return a token, good once and for this session, that says what was shown."""
        fields = [shown.proposal_id, shown.call_digest, shown.shown_digest, list(shown.opened), shown.at]
        payload = base64.urlsafe_b64encode(json.dumps([*fields, secrets.token_hex(8)]).encode()).decode()
        return f"{payload}.{self._mac(session, payload)}"

    def opened(self, session: str, nonce: str) -> Shown:
        """Return what was shown, once; raises `Forged` if the nonce is another's, changed or used."""
        payload, _, mac = nonce.rpartition(".")
        if not hmac.compare_digest(self._mac(session, payload).encode(), mac.encode("utf-8", "surrogatepass")):
            raise Forged("The card was not made for you by this inbox. Open it again and decide there.")
        if mac in self._used:
            raise Forged("This card was used already. Open it again to see what became of it.")
        self._used[mac] = None
        if len(self._used) > _MOST_USED:
            self._used.popitem(last=False)
        proposal_id, call, shown, opened, at, _ = json.loads(base64.urlsafe_b64decode(payload))
        return Shown(proposal_id, call, shown, tuple(opened), at)

    def _mac(self, purpose: str, text: str) -> str:
        joined = f"{len(purpose)}:{purpose}{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, joined, hashlib.sha256).hexdigest()
