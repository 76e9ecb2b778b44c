"""Classify a variable by its name, by what the code does with it, and by what files give it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scripts.adopt.facts import Read
from scripts.host import parsing

PUBLIC = ("NEXT_PUBLIC_", "VITE_", "REACT_APP_", "PUBLIC_", "NUXT_PUBLIC_")
_DATABASE = re.compile(
    r"^(?:.*_)?(DATABASE|DB|POSTGRES|POSTGRESQL|PG|NEON|SQLALCHEMY(_DATABASE)?|PRISMA)_?(DATABASE_)?(URL|URI|DSN|CONN(ECTION)?(_STR(ING)?)?)"
    r"(_UNPOOLED|_NON_POOLING|_POOLE[DR]|_ASYNC|_SYNC|_DEFAULT|_FALLBACK|_LOCAL|_DEV(ELOPMENT)?|_PROD(UCTION)?)?$|^DIRECT_URL$"
)
_DATABASE_PART = re.compile(
    r"^(?:\w+_)?(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG)_?(HOST|HOSTNAME|SERVER|PORT|USER|USERNAME|PASSWORD|PASS|NAME|DB|DATABASE)$"
)
_MODEL_KEY = re.compile(
    r"(OPENAI|ANTHROPIC|CLAUDE|GEMINI|GOOGLE(_AI|_GENAI|_GENERATIVE_AI)?|GROQ|COHERE|OPENROUTER|MISTRAL|DEEPSEEK|XAI|GROK|TOGETHER|"
    r"HF|HUGGINGFACE|PERPLEXITY|CEREBRAS|AZURE_OPENAI|LLM|QWEN|DASHSCOPE)(_\w+)?_(API_)?(KEY|TOKEN)$"
)
_THIRD_PARTY = re.compile(
    r"(?:^|_)(CLIENT_SECRET|CLIENT_ID|WEBHOOK_SECRET|API_KEY|API_TOKEN|ACCESS_KEY|SECRET_ACCESS_KEY|SMTP_\w+|MAIL_\w+|STRIPE_\w+|SENTRY_\w+|"
    r"CLOUDINARY_\w+|(GOOGLE|GITHUB|FACEBOOK|TWITTER|DISCORD|LINKEDIN|APPLE|MICROSOFT|AZURE_AD|AUTH0|OKTA|KEYCLOAK|GITLAB|SLACK)_\w*(ID|SECRET|ISSUER|TENANT)|TWILIO_\w+|RESEND_\w+|AWS_\w+|PRIVATE_KEY)$"
)
_BETWEEN = re.compile(r"(^|_)(SERVICE_AUTH|SERVICE_TO_SERVICE|INTERNAL(_SERVICE|_API|_AUTH)?)_(TOKEN|KEY|SECRET)$")
_SIGNING = re.compile(
    r"(^|_)(SECRET|SECRET_KEY|JWT_KEY|SIGNING_KEY|SESSION_KEY|ENCRYPTION_KEY|FERNET_KEY|CIPHER_KEY|AUTH_KEY|SALT|PEPPER)(_KEY)?$|^(JWT|BETTER_AUTH|NEXTAUTH|AUTH|SESSION|COOKIE|TOKEN|APP)_SECRET"
)
_ORIGINS = re.compile(r"(ORIGINS?|CORS\w*|ALLOWED_HOSTS?_ORIGINS?|TRUSTED_ORIGINS?)$")
_NO_ORIGINS = re.compile(r"^(ENABLE|ALLOW_CRED)|(^|_)(METHODS?|HEADERS?|CREDENTIALS?|MAX_?AGE|ENABLED?|EXPOSED?)(_|$)")
_PAGE = re.compile(
    r"^(NEXT_PUBLIC_)?(PROD(UCTION)?_|LIVE_|DEPLOYED_)?(BETTER_AUTH|NEXTAUTH|AUTH|APP|SITE|FRONTEND|CLIENT|WEB|UI|PUBLIC|BASE|DOMAIN|WEBSITE)(_APP|_BASE|_SITE)?_?(URL|URI|HOST|DOMAIN|ORIGIN)$"
)
_ADDRESS = re.compile(r"(URL|URI|ENDPOINT|HOST|ADDRESS|SERVER|BASE|BROKERS?|BOOTSTRAP_SERVERS?)$")
_PLACEHOLDER = re.compile(
    r"your[-_ ]|change[-_ ]?me|<[^>]*>|xxx|placeholder|example\.com|\bTODO\b|sk-\.\.\.|\.\.\.|replace|here$", re.I
)


_HOST_OF_OTHERS = re.compile(r"^(NEXT_PUBLIC_)?(VERCEL|RAILWAY|RENDER|NETLIFY|HEROKU|FLY|SPACE|CF_PAGES|KOYEB)_")
_THIRD = re.compile(
    r"(^|\.)(googleapis|google|openai|anthropic|groq|openrouter|cohere|mistral|deepseek|together|x|huggingface|perplexity|"
    r"cerebras|azure|github|stripe|sentry|resend|sendgrid|cloudinary|upstash|twilio|aliyuncs|moonshot)\.(com|ai|co|io|dev|xyz)$"
)
_OWN_PORT = re.compile(r"^((API|APP|SERVER|BACKEND|HTTP|WEB|MCP|AGENT|UVICORN|SERVICE|FASTAPI|NODE|CHAT|AUTH)_)+PORT$")
_KAFKA = re.compile(
    r"^(\w+_)?(KAFKA|REDPANDA)_?(BOOTSTRAP_?)?(SERVERS?|BROKERS?|BROKER_(URL|LIST|HOST|ADDRESS)|URLS?|HOSTS?|ADDRESS(ES)?|ENDPOINTS?)$"
    r"|^(\w+_)?BOOTSTRAP_SERVERS?$|^(\w+_)?KAFKA_SECURITY_PROTOCOL$"
)
_SWITCH = re.compile(r"^(KAFKA|DAPR|EVENTS?|PUBSUB|REDPANDA)_(IS_)?ENABLED?$|^(ENABLE|USE)_(KAFKA|DAPR|EVENTS|PUBSUB)$")


def purpose(read: Read, page: bool = True) -> str:
    """Return what it is for; `page` says that a page reads it, whose build puts public variables into it.

    One of database, database-part, model, other-secret, signing, origins, page, broker, kafka, port, elsewhere,
    address, public and plain.
    """
    name = read.name.upper()  # as most write them
    if _HOST_OF_OTHERS.match(name):
        return "elsewhere"
    if page and private_name(name) != name:
        return "public"
    if name == "PORT" or _OWN_PORT.match(name):
        return "port"
    if _DATABASE.search(name):
        return "database"
    if _DATABASE_PART.match(name):
        return "database-part"
    if _MODEL_KEY.search(name):
        return "model"
    if _KAFKA.search(name):
        return "kafka"
    if _BETWEEN.search(name):
        return "signing"
    if _THIRD_PARTY.search(name):
        return "other-secret"
    if _SIGNING.search(name):
        return "signing"
    if _ORIGINS.search(name) and read.default not in ("true", "false") and not _NO_ORIGINS.search(name):
        return "origins"
    if _PAGE.match(name):
        return "page"
    if _SWITCH.search(name) and (read.default or "").lower() in ("true", "1", "yes", "on"):
        return "broker"
    return "address" if _ADDRESS.search(name) else "plain"


def private_name(name: str) -> str:
    """Return a variable's name without the mark by which a page's build puts it into what browsers get."""
    return next((name.removeprefix(prefix) for prefix in PUBLIC if name.startswith(prefix)), name)


def is_cookie_domain(name: str) -> bool:
    """Return whether a variable says for which host browsers keep cookies."""
    return bool(re.search(r"COOKIES?_DOMAIN$", name.upper()))


_DEPLOYED = re.compile(
    r"\.(vercel\.app|netlify\.app|hf\.space|onrender\.com|railway\.app|herokuapp\.com|fly\.dev|run\.app|koyeb\.app|"
    r"azurewebsites\.net|azurecontainerapps\.io|ondigitalocean\.app|pages\.dev|workers\.dev|nip\.io|sslip\.io)$"
)
_NAMES_ADDRESS = re.compile(r"(URL|URI)(_|$)|(^|_)(HOST|ENDPOINT|ORIGIN|ADDRESS)(_|$)|(^|_)(API|BACKEND|SERVER|BASE)$")


def is_address(name: str, value: str) -> bool:
    """Return whether a variable holds an address: by its value, where there is one, else by its name."""
    if re.match(r"\w+://|/|(localhost|127\.0\.0\.1):\d", value):
        return True
    return bool(_NAMES_ADDRESS.search(name)) and (not value or bool(re.match(r"[\w-]+(\.[\w-]+)*(:\d+)?(/|$)", value)))


def path_of(value: str) -> str:
    """Return the path of an address, without its last slash; empty for one that is no URL."""
    return parsing.from_url(value).path.rstrip("/") if re.match(r"\w+://", value) else ""


def is_here(value: str) -> bool:
    """Return whether an address is one of this machine."""
    return bool(re.match(r"(\w+:)?(//)?(localhost|127\.0\.0\.1|0\.0\.0\.0)(:|/|$)", value))


def is_deployed(host: str) -> bool:
    """Return whether a host is one of those that run other people's programs: the author's own, deployed there."""
    return bool(_DEPLOYED.search(host))


def of_space(value: str) -> str:
    """Return the address of a page about a program at Hugging Face as the program's own; another address as it is."""
    found = re.match(r"https?://huggingface\.co/spaces/([\w.-]+)/([\w.-]+)", value)
    return f"https://{re.sub('[._]', '-', f'{found[1]}-{found[2]}').lower()}.hf.space" if found else value


def is_third(host: str) -> bool:
    """Return whether a host is one of those who serve models, mail and the like, and so no part of an application."""
    return bool(_THIRD.search(host))


def database_part(name: str) -> str:
    """Return which part of a database's address a variable holds: host, port, user, password or name."""
    match = _DATABASE_PART.match(name.upper())
    part = match[1] if match else ""
    names = {
        "HOSTNAME": "host",
        "SERVER": "host",
        "USERNAME": "user",
        "PASS": "password",
        "DB": "name",
        "DATABASE": "name",
    }
    return names.get(part, part.lower())


def is_placeholder(value: str) -> bool:
    """Return whether a value in an example file only holds a place."""
    return not value.strip() or bool(_PLACEHOLDER.search(value)) or "${" in value


def merged(reads: Sequence[Read]) -> dict[str, Read]:
    """Return one reading a variable: required where one of them ends without it, with the first default there is."""
    found: dict[str, Read] = {}
    for read in reads:
        known = found.get(read.name)
        if known is None:
            found[read.name] = read
            continue
        default = known.default if known.default is not None else read.default
        first = known if known.required or not read.required else read
        found[read.name] = Read(
            read.name, first.place, default, known.required or read.required,
            known.form or read.form, max(known.shortest, read.shortest),
        )  # fmt: skip
    return found


def origins(form: str, addresses: Sequence[str]) -> str:
    """Return a list of origins in the form that the code takes."""
    import json

    return json.dumps(list(addresses)) if form == "json" else ",".join(addresses)


def given(name: str, sources: Sequence[Mapping[str, str]]) -> str:
    """Return the first value that the application's own files give a variable and that says something."""
    values = (_filled(source[name]) for source in sources if name in source)
    return next((value for value in values if not is_placeholder(value)), "")


def _filled(value: str) -> str:
    """Return a compose file's `${NAME:-default}` as its default."""
    return re.sub(r"\$\{\w+:?-([^}]*)\}", r"\1", value)
