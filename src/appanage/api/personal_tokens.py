"""A person's own personal access tokens: which there are, and ending them.

There is no call that makes one. A token that makes tokens would never end, whatever its lifetime; so each begins with
its person signed in, on the page Personal access tokens of their account.
"""

from typing import Annotated

from appanage.api.call import Call, needs
from appanage.api.schemas import Body, Items, Time, new_router
from appanage.authorizations import personal_tokens
from appanage.authorizations.model import PersonalToken
from appanage.kit.errors import NotFound
from appanage.kit.ids import parse_uuid

router = new_router("Personal access tokens")

Owner = Annotated[Call, needs("spark:all", person=True, own_act=True)]


class TokenBody(Body):
    """A personal access token without the token, which is shown once, when it is made."""

    id: str
    label: str
    last_four: str
    scopes: list[str]
    created: Time
    created_by_name: str
    expires: Time
    last_used: Time | None
    last_used_from: str | None


@router.get("/personalTokens")
def list_personal_tokens(call: Owner) -> Items[TokenBody]:
    """The caller's own tokens that work now, the newest first; the list has no pages."""
    return Items(items=[_body(row) for row in personal_tokens.list_live(call.tx, call.account)])


@router.delete("/personalTokens/{token_id}", status_code=204)
def revoke_personal_token(call: Owner, token_id: str) -> None:
    """Ends one of the caller's own tokens at once, be it the one that calls."""
    known = parse_uuid(token_id)
    if known is None:
        raise NotFound("There is no personal access token with this id.")
    row = personal_tokens.get(call.tx, call.account, known)
    personal_tokens.revoke(call.tx, row, by=call.account.as_actor())


def _body(row: PersonalToken) -> TokenBody:
    return TokenBody(
        id=str(row.id),
        label=row.label,
        last_four=row.last_four,
        scopes=row.scopes,
        created=row.created_at,
        created_by_name=row.created_by_name,
        expires=row.expires_at,
        last_used=row.last_used_at,
        last_used_from=row.last_used_from,
    )
