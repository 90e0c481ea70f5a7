"""The account of the key, its environments and its keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text, invalid
from inngest_rest._core.calls.listing import Listing, Paging, read_all
from inngest_rest._core.resources.fields import optional, record
from inngest_rest._core.resources.routes import listed, one, pages
from inngest_rest.models import AccountInfo, Environment, Key
from inngest_rest_api import models as api
from inngest_rest_api.api import v2

if TYPE_CHECKING:
    from typing import Unpack

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import KeyKind


def get(session: Session) -> Plan[AccountInfo]:
    """Get the account of the key."""
    convert = partial(record, AccountInfo)
    return one(session, "account.get", v2.get_account_v2, api.V2AccountEnvelope, convert)


def list_envs(session: Session, **paging: Unpack[Paging]) -> Listing[Environment]:
    """List environments."""
    return listed(session, "envs.list", pages(v2.list_envs_v2, api.V2Env, _environment), **paging)


def create_env(session: Session, name: str) -> Plan[Environment]:
    """Create an environment."""
    body = api.V2CreateEnvBody(name=check_text("name", name) or "")
    form, module = api.V2EnvEnvelope, v2.create_env_v2
    return one(session, "envs.create", module, form, _environment, repeatable=False, body=body)


def archive_env(session: Session, env_id: str, *, archived: bool) -> Plan[Environment]:
    """Archive an environment, or take it back."""
    path = check_id("environment id", env_id, argument="id")
    body = api.V2UpdateEnvBody(is_archived=archived)
    form, module = api.V2EnvEnvelope, v2.update_env_v2
    return one(session, "envs.archive", module, form, _environment, path, body=body)


def ensure_env(session: Session, name: str) -> Plan[Environment]:
    """Return the environment of a name: as it is, taken back from the archive, or created."""
    check_text("name", name)
    envs = yield from read_all(list_envs(session))
    found = sorted((it for it in envs if it.name == name), key=lambda it: it.is_archived)
    if not found:
        return (yield from create_env(session, name))
    env = found[0]
    return (yield from archive_env(session, env.id, archived=False)) if env.is_archived else env


def _environment(it: api.V2Env) -> Environment:
    return record(Environment, it, kind=(optional(it.type_) or "production").lower())


def list_keys(
    session: Session, kind: KeyKind, *, reveal: bool, **paging: Unpack[Paging]
) -> Listing[Key]:
    """List keys."""
    modules = {"event": v2.list_event_keys_v2, "signing": v2.list_signing_keys_v2}
    if kind not in modules:
        raise invalid("kind", 'must be "event" or "signing"')

    def key(it: api.V2Key) -> Key:
        text = optional(it.key)
        if text is not None and not reveal:
            # Of a short one, the last characters would be much of it.
            text = f"…{text[-4:]}" if len(text) > 16 else "…"
        return record(Key, it, key=text)

    return listed(session, "keys.list", pages(modules[kind], api.V2Key, key), **paging)
