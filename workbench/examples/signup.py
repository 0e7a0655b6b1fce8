"""User sign-up → e-mail verification, analytics, CRM: a design that is data, and its history.

``UserSignedUp`` has three versions, and apps of every age publish them onto one channel:

- v1 ``{user_id, name, email}``, deprecated: apps that nobody has updated still send it;
- v2 adds ``locale``, with a default: compatible, and read as it stands;
- v3 moves the address into ``contact`` and asks for consent: refused, released by force for the
  upcaster that comes with it.

Every decision follows from the address alone, as :func:`some_signups` writes them: one in the
reserved domain ``.invalid`` bounces, mail to ``silent.…`` is never opened, any other is verified.
A link that is opened after the time has expired would verify the address all the same: to know
better, verification would need a state, and so a handler in Python.
``sample_data/signup`` is :func:`signup_design`, saved; it runs from a shell, with no Python.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from workbench.choreography import Choreography
from workbench.events import Event, examples
from workbench.services import Context

PERSONAL = {"x-personal-data": True}

UserId = Annotated[str, Field(pattern=r"^u-[0-9]{1,12}$", description="Who; never used again.")]
Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="As its bearer writes it, in one piece.",
        json_schema_extra=PERSONAL,
    ),
]
Email = Annotated[
    str,
    Field(
        max_length=254,
        description="Unverified until EmailVerified.",
        json_schema_extra={"format": "email", **PERSONAL},
    ),
]
Locale = Annotated[
    str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="Language to write in, BCP 47.")
]
Reason = Annotated[str, Field(min_length=1, max_length=200, description="For a person to read.")]
Stage = Literal["signed_up", "mail_sent", "verified", "expired", "bounced"]


class V1:
    """As it was first released."""

    class UserSignedUp(Event, version=1, key="user_id"):
        """Somebody has filled in the sign-up form."""

        user_id: UserId
        name: Name
        email: Email


class V2:
    """Mail is to be written in the reader's language."""

    class UserSignedUp(Event, version=2, key="user_id"):
        """Somebody has filled in the sign-up form."""

        user_id: UserId
        name: Name
        email: Email
        locale: Locale = "en"


class Contact(BaseModel):
    """How to reach somebody."""

    email: Email
    phone: Annotated[
        str | None,
        Field(description="E.164.", pattern=r"^\+[1-9][0-9]{6,14}$", json_schema_extra=PERSONAL),
    ] = None


class UserSignedUp(Event, version=3, key="user_id"):
    """Somebody has filled in the sign-up form."""

    user_id: UserId
    name: Name
    contact: Contact
    locale: Locale = "en"
    marketing_consent: bool = Field(description="Whether they agreed to be written to.")


class VerificationEmailSent(Event, version=1, key="user_id"):
    """The mail with the link is on its way; the link's secret is in no event."""

    user_id: UserId
    email: Email
    locale: Locale


class VerificationEmailBounced(Event, version=1, key="user_id"):
    """The mail could not be delivered."""

    user_id: UserId
    reason: Reason = Field(examples=["there is no such domain", "the mailbox is full"])


class VerificationLinkOpened(Event, version=1, key="user_id"):
    """Somebody who reads that mail has followed the link."""

    user_id: UserId


class EmailVerified(Event, version=1, key="user_id"):
    """The address is theirs."""

    user_id: UserId


class VerificationExpired(Event, version=1, key="user_id"):
    """The address was not verified in time."""

    user_id: UserId


class AccountActivated(Event, version=1, key="user_id"):
    """The account can be used."""

    user_id: UserId


class AccountClosed(Event, version=1, key="user_id"):
    """The account is gone before it was used."""

    user_id: UserId
    reason: Reason = Field(examples=["not verified in time", "there is no such domain"])


class ContactAdded(Event, version=1, key="user_id"):
    """The CRM knows somebody new."""

    user_id: UserId
    newsletter: bool = Field(description="Whether campaigns may be sent to them.")


class ContactConfirmed(Event, version=1, key="user_id"):
    """The CRM's contact has a verified address."""

    user_id: UserId


class ContactErased(Event, version=1, key="user_id"):
    """The CRM has forgotten somebody who never verified their address."""

    user_id: UserId


class FunnelStageReached(Event, version=1, key="user_id"):
    """How far somebody got, for the data warehouse."""

    user_id: UserId
    stage: Stage
    locale: Locale | None = None


def signup_design() -> Choreography:
    """The design as ``sample_data/signup`` has it: reactions that are data, and its history."""
    design = Choreography()
    _release(design)
    user = {"user_id": "data.user_id"}

    verification = design.service("verification")
    verification.whenever(
        UserSignedUp,
        name="send",
        reads=[3],
        after="50ms",
        emit={
            "VerificationEmailSent": {
                **user,
                "email": "data.contact.email",
                "locale": "data.locale",
            }
        },
    )
    verification.whenever("VerificationLinkOpened", name="verify", emit={"EmailVerified": user})
    verification.whenever(
        "VerificationEmailSent",
        name="expire",
        unless=["EmailVerified", "VerificationEmailBounced"],
        within="5s",
        emit={"VerificationExpired": user},
    )

    mailbox = design.service("mailbox")
    mailbox.whenever(
        "VerificationEmailSent",
        name="bounce",
        guard="data.email.endsWith('.invalid')",
        emit={"VerificationEmailBounced": {**user, "reason": "'there is no such domain'"}},
    )
    mailbox.whenever(
        "VerificationEmailSent",
        name="open",
        guard="!data.email.endsWith('.invalid') && !data.email.startsWith('silent.')",
        after="300ms",
        emit={"VerificationLinkOpened": user},
    )

    accounts = design.service("accounts")
    accounts.whenever("EmailVerified", name="activate", emit={"AccountActivated": user})
    accounts.whenever(
        "VerificationExpired",
        name="close_expired",
        emit={"AccountClosed": {**user, "reason": "'not verified in time'"}},
    )
    accounts.whenever(
        "VerificationEmailBounced",
        name="close_bounced",
        emit={"AccountClosed": {**user, "reason": "data.reason"}},
    )

    crm = design.service("crm")
    crm.whenever(
        UserSignedUp,
        name="add",
        reads=[3],
        emit={"ContactAdded": {**user, "newsletter": "data.marketing_consent"}},
    )
    crm.whenever("EmailVerified", name="confirm", emit={"ContactConfirmed": user})
    crm.compensate(
        "add",
        when=["VerificationExpired", "VerificationEmailBounced"],
        name="erase",
        emit={"ContactErased": user},
    )

    analytics = design.service("analytics")
    for event, stage in _STAGES.items():
        reached = {**user, "stage": f"'{stage}'"}
        if event == "UserSignedUp":
            reached["locale"] = "data.locale"
        analytics.whenever(
            event,
            name=stage,
            reads=[2, 3] if event == "UserSignedUp" else (),
            emit={"FunnelStageReached": reached},
        )
    for event, why in _ENDS.items():
        design.silence("nobody-hears", event, why)
    design.silence("nobody-emits", "UserSignedUp", "the website and the apps publish it")
    return design


def signup_choreography() -> Choreography:
    """The design with :func:`count_signups`: ready to run in a notebook."""
    return count_signups(signup_design())


def count_signups(design: Choreography) -> Choreography:
    """Let analytics count, and say what the counts must come to: each sign-up ends in one way."""
    for event in (
        "UserSignedUp",
        "EmailVerified",
        "VerificationExpired",
        "VerificationEmailBounced",
    ):
        reads = [2, 3] if event == "UserSignedUp" else ()
        on = design.service("analytics").on(
            event, name=f"count_{_STAGES[event]}", reads=reads, emits=[]
        )
        on(count)
    design.invariant(
        "each sign-up ends once",
        "state.analytics.UserSignedUp == state.analytics.EmailVerified "
        "+ state.analytics.VerificationExpired + state.analytics.VerificationEmailBounced",
    )
    return design


def count(_event: dict[str, Any], ctx: Context) -> None:
    """analytics, whenever something happens that it counts."""
    ctx.state[ctx.envelope.type] = ctx.state.get(ctx.envelope.type, 0) + 1


def some_signups(
    n: int, *, silent: int = 0, bounced: int = 0, version: int = 3, seed: int = 0
) -> list[Event]:
    """``n`` sign-ups of one version; the first ones are never verified, for either reason."""
    signed_up: dict[int, type[Event]] = {1: V1.UserSignedUp, 2: V2.UserSignedUp, 3: UserSignedUp}
    found = []
    for i, payload in enumerate(examples(signed_up[version], n, seed)):
        address = payload["contact"] if version == 3 else payload
        if i < silent:
            address["email"] = "silent." + address["email"]
        elif i < silent + bounced:
            address["email"] = address["email"].split("@")[0] + "@example.invalid"
        found.append(signed_up[version].model_validate(payload))
    return found


_STAGES: dict[str, Stage] = {
    "UserSignedUp": "signed_up",
    "VerificationEmailSent": "mail_sent",
    "EmailVerified": "verified",
    "VerificationExpired": "expired",
    "VerificationEmailBounced": "bounced",
}
_ENDS = {
    "FunnelStageReached": "the data warehouse loads the channel",
    "AccountActivated": "the website reads it, to let them in",
    "AccountClosed": "a flow ends here; support reads it when somebody asks",
    "ContactAdded": "the campaign tool reads the CRM's channel",
    "ContactConfirmed": "the campaign tool reads the CRM's channel",
    "ContactErased": "the campaign tool reads the CRM's channel",
}


def _release(design: Choreography) -> None:
    """All event types, each version once and for good."""
    design.event(V1.UserSignedUp)
    design.release("UserSignedUp")
    design.event(V2.UserSignedUp)
    design.release("UserSignedUp")
    design.event(UserSignedUp)
    design.release(
        "UserSignedUp",
        force=True,
        reason="old events lack contact and marketing_consent, and the upcaster from v2 gives both",
    )
    design.upcaster(
        "UserSignedUp",
        2,
        {"contact": {"email": "data.email"}, "marketing_consent": False},  # nobody had asked
    )
    design.evolve("UserSignedUp", deprecated=[1])
    for event in (
        VerificationEmailSent,
        VerificationLinkOpened,
        EmailVerified,
        VerificationEmailBounced,
        VerificationExpired,
        AccountActivated,
        AccountClosed,
        ContactAdded,
        ContactConfirmed,
        ContactErased,
        FunnelStageReached,
    ):
        design.event(event)
        design.release(event.__name__)
