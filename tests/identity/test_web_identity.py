"""Becoming a role by a token of an OpenID Connect issuer, which runs here."""

import json

import pytest

from hostreeve.platform.identity.actions import issuers
from tests.identity.caller import allow, policy, refused
from tests.identity.issuer import EcKey, Issuer, RsaKey, base64url


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    made = Issuer(tmp_path_factory.mktemp("issuer"))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def operator(issuer):
    """The operator trusts the issuer's authority; what was remembered of tests before is forgotten."""
    issuers._kept._young.clear()
    issuers._kept._old.clear()
    issuers.trust(issuer.authority_file, {})
    issuer.asked, issuer.broken = 0, ""
    yield
    issuers.trust(None, {})


@pytest.fixture
def provider(site, issuer):
    """The account accepts the issuer's tokens for one client."""
    made = site.admin.iam("CreateOpenIDConnectProvider", Url=f"https://{issuer.url}", ClientIDList=["client"])
    return made["OpenIDConnectProviderArn"]


def role(site, provider, *statements, actions="sts:AssumeRoleWithWebIdentity", name="CI", **conditions):
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions}
    trust |= {"Condition": conditions} if conditions else {}
    made = site.admin.iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    for statement in statements:
        site.admin.iam("PutRolePolicy", RoleName=name, PolicyName="own", PolicyDocument=policy(statement))
    return made["Arn"]


def token(site, issuer, **more):
    return issuer.token(site.world.now_ms() // 1000, **more)


def assume(site, arn, text, **request):
    return site.stranger().sts(
        "AssumeRoleWithWebIdentity", RoleArn=arn, RoleSessionName="job", WebIdentityToken=text, **request
    )


def test_a_token_becomes_a_session_of_the_role(site, issuer, provider):
    arn = role(
        site,
        provider,
        allow("ssm:*", Condition={"StringLike": {f"{issuer.url}:sub": "repo:a/*"}}),
        StringEquals={f"{issuer.url}:aud": "client"},
        StringLike={f"{issuer.url}:sub": "repo:a/*"},
    )
    answer = assume(site, arn, token(site, issuer))
    assert answer["Audience"] == "client" and answer["SubjectFromWebIdentityToken"] == "repo:a/b:ref:main"
    assert answer["Provider"] == provider
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/CI/job")
    session = site.caller(answer["Credentials"])
    assert session.arn() == answer["AssumedRoleUser"]["Arn"]
    session.may("ssm:GetParameter")
    with refused("AccessDeniedException"):
        session.may("iam:ListUsers")


def test_elliptic_keys_sign_too(site, issuer, provider):
    arn = role(site, provider)
    assert assume(site, arn, token(site, issuer, key=issuer.keys[1]))


@pytest.mark.parametrize(
    "claims",
    [{"sub": "repo:other/x"}, {"sub": "repo:a"}, {"environment": "test"}],
)
def test_the_trust_policy_decides_by_the_claims(site, issuer, provider, claims):
    arn = role(
        site,
        provider,
        StringLike={f"{issuer.url}:sub": "repo:a/*"},
        StringEquals={f"{issuer.url}:environment": "production"},
    )
    assert assume(site, arn, token(site, issuer, environment="production"))
    with refused("AccessDeniedException") as denied:
        assume(site, arn, token(site, issuer, **{"environment": "production"} | claims))
    assert str(denied.value) == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def test_a_role_that_is_not_there_is_refused_in_the_same_words(site, issuer, provider):
    arn = role(site, f"arn:aws:iam::{site.account}:oidc-provider/elsewhere.example")
    for wrong in (arn, arn + "x"):
        with refused("AccessDeniedException") as denied:
            assume(site, wrong, token(site, issuer))
        assert str(denied.value) == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def test_tokens_that_prove_nothing_are_refused(site, issuer, provider):
    arn, now_s = role(site, provider), site.world.now_ms() // 1000
    good = token(site, issuer)
    header, claims, signature = good.split(".")
    none = base64url(json.dumps({"alg": "none"}).encode())
    symmetric = base64url(json.dumps({"alg": "HS256", "kid": "one"}).encode())
    for wrong in (
        "no.tok.en",
        "four.four.four",
        f"{header}.{claims}",
        f"{header}.{claims}.",
        f"{none}.{claims}.",
        f"{symmetric}.{claims}.{signature}",
        f"{header}.{claims}.{signature[:-4]}AAAA",
        issuer.token(now_s, key=RsaKey("one")),
        issuer.token(now_s, header={"kid": "two"}),
        issuer.token(now_s, aud="other"),
        issuer.token(now_s, azp="other", aud=["client"]),
        issuer.token(now_s, sub=""),
        issuer.token(now_s, sub=5),
        issuer.token(now_s, exp="soon"),
        issuer.token(now_s, nbf=now_s + 600),
        issuer.token(now_s, iss="https://elsewhere.example"),
        issuer.token(now_s, iss=issuer.url),
        issuer.token(now_s, iss=None),
    ):
        with refused("InvalidIdentityToken"):
            assume(site, arn, wrong)
    with refused("ExpiredTokenException"):
        assume(site, arn, issuer.token(now_s, exp=now_s - 120))


def test_the_token_may_be_for_several_and_name_whom(site, issuer, provider):
    arn = role(site, provider)
    assert assume(site, arn, token(site, issuer, aud=["other", "client"]))["Audience"] == "client"
    assert assume(site, arn, token(site, issuer, aud="other", azp="client"))["Audience"] == "client"


def test_keys_are_kept_and_asked_for_again_when_one_is_new(site, issuer, provider):
    arn = role(site, provider)
    for _ in range(3):
        assume(site, arn, token(site, issuer))
    assert issuer.asked == 1
    new = EcKey("three")
    with refused("InvalidIdentityToken"):
        assume(site, arn, token(site, issuer, key=new))
    assert issuer.asked == 1
    issuer.keys.append(new)
    site.world.advance(31)
    assert assume(site, arn, token(site, issuer, key=new)) and issuer.asked == 2
    site.world.advance(301)
    assert assume(site, arn, token(site, issuer)) and issuer.asked == 3


@pytest.mark.parametrize("broken", ["name", "html", "redirect"])
def test_an_issuer_that_cannot_be_asked_is_told(site, issuer, provider, broken):
    arn, issuer.broken = role(site, provider), broken
    with refused("IDPCommunicationError") as told:
        assume(site, arn, token(site, issuer))
    assert issuer.url in str(told.value)
    issuer.broken = ""
    with refused("IDPCommunicationError"):
        assume(site, arn, token(site, issuer))
    site.world.advance(31)
    assert assume(site, arn, token(site, issuer))


def test_an_issuer_of_an_unknown_authority_is_trusted_by_its_thumbprint_alone(site, issuer, provider):
    issuers.trust(None, {})
    arn = role(site, provider)
    with refused("IDPCommunicationError") as told:
        assume(site, arn, token(site, issuer))
    assert "certificate" in str(told.value).lower()
    update = {"OpenIDConnectProviderArn": provider}
    site.admin.iam("UpdateOpenIDConnectProviderThumbprint", **update, ThumbprintList=["a" * 40])
    with refused("IDPCommunicationError"):
        assume(site, arn, token(site, issuer))
    site.admin.iam(
        "UpdateOpenIDConnectProviderThumbprint", **update, ThumbprintList=[issuer.thumbprint.upper()]
    )
    assert assume(site, arn, token(site, issuer))


def test_keys_may_come_from_a_file_of_the_operator(site, issuer, provider, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [key.jwk() for key in issuer.keys]}))
    issuers.trust(None, {issuer.url: keys})
    arn = role(site, provider)
    assert assume(site, arn, token(site, issuer)) and issuer.asked == 0
    issuers.trust(None, {issuer.url: tmp_path / "none"})
    site.world.advance(301)
    with refused("IDPCommunicationError"):
        assume(site, arn, token(site, issuer))


def test_session_tags_and_source_identity_come_with_the_token(site, issuer, provider):
    claim = {"principal_tags": {"team": ["red"], "Unit": "x"}, "transitive_tag_keys": ["Team"]}
    claims = {
        "https://aws.amazon.com/tags": claim,
        "https://aws.amazon.com/source_identity": "ann",
    }
    plain = role(site, provider, name="Plain")
    with refused("AccessDeniedException") as denied:
        assume(site, plain, token(site, issuer, **claims))
    assert "sts:TagSession" in str(denied.value)
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    arn = role(
        site,
        provider,
        allow("ssm:*", "arn:aws:ssm:*:*:p/${aws:PrincipalTag/team}/${aws:SourceIdentity}"),
        actions=actions,
    )
    answer = assume(site, arn, token(site, issuer, **claims))
    assert answer["SourceIdentity"] == "ann"
    site.caller(answer["Credentials"]).may("ssm:GetParameter", "arn:aws:ssm:us-east-1:1:p/red/ann")
    for wrong in (
        5,
        {"principal_tags": {"a": ["b", "c"]}},
        {"principal_tags": {"a": "b", "A": "c"}},
        {"principal_tags": {}, "transitive_tag_keys": ["x"]},
    ):
        with refused("InvalidIdentityToken"):
            assume(site, arn, token(site, issuer, **{"https://aws.amazon.com/tags": wrong}))


def test_limits_of_the_session_are_kept(site, issuer, provider):
    arn = role(site, provider, allow("ssm:*"))
    text = token(site, issuer)
    with refused("ValidationError"):
        assume(site, arn, text, DurationSeconds=7200)
    with refused("ValidationError"):
        assume(site, arn, text, ProviderId="www.amazon.com")
    with refused("ValidationError"):
        assume(site, f"arn:aws:iam::{site.account}:user/x", text)
    limited = site.caller(assume(site, arn, text, Policy=policy(allow("ssm:Get*")))["Credentials"])
    limited.may("ssm:GetParameter")
    with refused("AccessDeniedException"):
        limited.may("ssm:PutParameter")


def test_a_provider_that_is_deleted_vouches_for_nobody_any_more(site, issuer, provider):
    arn = role(site, provider)
    assert assume(site, arn, token(site, issuer))
    for _ in range(2):
        site.admin.iam("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=provider)
    with refused("InvalidIdentityToken") as told:
        assume(site, arn, token(site, issuer))
    assert "No OpenIDConnect provider found in your account" in str(told.value)


def test_a_provider_of_another_account_does_not_count(site, issuer, provider):
    other, _ = site.member()
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:*"}
    made = other.iam("CreateRole", RoleName="CI", AssumeRolePolicyDocument=policy(trust))["Role"]
    with refused("InvalidIdentityToken"):
        assume(site, made["Arn"], token(site, issuer))


def test_a_provider_is_made_shown_changed_and_listed(site, issuer):
    iam = site.admin.iam
    tags = [{"Key": "a", "Value": "b"}]
    made = iam(
        "CreateOpenIDConnectProvider",
        Url="https://login.example/realm/",
        ClientIDList=["one", "one"],
        ThumbprintList=["A" * 40],
        Tags=tags,
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{site.account}:oidc-provider/login.example/realm" and made["Tags"] == tags
    named = {"OpenIDConnectProviderArn": arn}
    with refused("EntityAlreadyExists"):
        iam("CreateOpenIDConnectProvider", Url="https://login.example/realm")
    for _ in range(2):
        iam("AddClientIDToOpenIDConnectProvider", **named, ClientID="two")
        iam("RemoveClientIDFromOpenIDConnectProvider", **named, ClientID="one")
    iam("UpdateOpenIDConnectProviderThumbprint", **named, ThumbprintList=["b" * 40])
    assert iam("GetOpenIDConnectProvider", **named) == {
        "Url": "login.example/realm",
        "ClientIDList": ["two"],
        "ThumbprintList": ["b" * 40],
        "CreateDate": site.world.now_ms() / 1000,
        "Tags": tags,
    }
    assert iam("ListOpenIDConnectProviders")["OpenIDConnectProviderList"] == [{"Arn": arn}]
    iam("TagOpenIDConnectProvider", **named, Tags=[{"Key": "c", "Value": "d"}])
    iam("UntagOpenIDConnectProvider", **named, TagKeys=["a"])
    assert iam("ListOpenIDConnectProviderTags", **named)["Tags"] == [{"Key": "c", "Value": "d"}]


def test_what_is_no_provider_is_refused(site):
    iam = site.admin.iam
    for wrong in (
        "http://a.example",
        "https://",
        "https://a.example?x=1",
        "https://u@a.example",
        "a.example",
    ):
        with refused("InvalidInput"):
            iam("CreateOpenIDConnectProvider", Url=wrong)
    with refused("InvalidInput"):
        iam("CreateOpenIDConnectProvider", Url="https://a.example", ThumbprintList=["x" * 40])
    with refused("LimitExceeded"):
        iam("CreateOpenIDConnectProvider", Url="https://a.example", ClientIDList=[str(n) for n in range(101)])
    for operation, more in (
        ("GetOpenIDConnectProvider", {}),
        ("AddClientIDToOpenIDConnectProvider", {"ClientID": "x"}),
        ("TagOpenIDConnectProvider", {"Tags": []}),
    ):
        for arn in ("arn:aws:iam::1:oidc-provider/x", f"arn:aws:iam::{site.account}:oidc-provider/x"):
            with refused("NoSuchEntity"):
                iam(operation, OpenIDConnectProviderArn=arn, **more)
