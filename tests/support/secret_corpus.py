# ruff: noqa: E501 tables are read along their lines
"""A few hundred secrets and look-alikes, drawn anew from a fixed seed, so that no file holds one and no scanner cries.

Formats as gitleaks and detect-secrets list them, in the places where a cluster shows them. `SECRETS` are (kind, text, the
part that must not leave); `LOOKALIKES` are texts of which nothing may be taken away: a diagnosis lives on them.
"""

from __future__ import annotations

import base64
import json
import random
import re
import string
from urllib.parse import quote

_DRAW = random.Random(20)
_ALL = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_LOWER = string.ascii_lowercase + string.digits


def _word(length: int, letters: str = _ALL) -> str:
    return "".join(_DRAW.choice(letters) for _ in range(length))


def _jwt() -> str:
    part = base64.urlsafe_b64encode(json.dumps({"sub": _word(12), "iat": 1}).encode()).decode().rstrip("=")
    return "eyJ" + "hbGciOiJIUzI1NiJ9." + part + "." + _word(43)


def _pem(kind: str = "RSA ") -> str:
    body = "\n".join(_word(64, _ALL + "+/") for _ in range(6))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def _tokens() -> list[tuple[str, str]]:
    upper, lower = string.ascii_uppercase + string.digits, string.ascii_lowercase + string.digits
    return [
        ("aws id", "AKIA" + _word(16, upper)), ("aws sts id", "ASIA" + _word(16, upper)), ("aws secret", _word(40, _ALL + "+/")),
        ("google api", "AIza" + _word(35)), ("google oauth", "ya29." + _word(60)), ("google client", "GOCSPX-" + _word(28)),
        ("alibaba", "LTAI" + _word(20)), ("digitalocean", "dop_v1_" + _word(64, _HEX)),
        ("azure ad", _word(3) + "8Q~" + _word(34)), ("github", "ghp_" + _word(36)), ("github oauth", "gho_" + _word(36)),
        ("github app", "ghs_" + _word(36)), ("github refresh", "ghr_" + _word(36)), ("github fine", "github_pat_" + _word(22) + "_" + _word(59)),
        ("gitlab", "glpat-" + _word(20)), ("gitlab runner", "glrt-" + _word(20)), ("gitlab deploy", "gldt-" + _word(20)),
        ("atlassian", "ATATT3" + _word(180)), ("bitbucket", "ATBB" + _word(32)), ("npm", "npm_" + _word(36)), ("pypi", "pypi-AgEIcHlwaS5vcmc" + _word(60)),
        ("rubygems", "rubygems_" + _word(48, _HEX)), ("docker", "dckr_pat_" + _word(27)), ("openai", "sk-proj-" + _word(48)),
        ("openai old", "sk-" + _word(20) + "T3BlbkFJ" + _word(20)), ("anthropic", "sk-ant-api03-" + _word(93) + "AA"), ("groq", "gsk_" + _word(52)),
        ("xai", "xai-" + _word(80)), ("huggingface", "hf_" + _word(34)), ("langsmith", f"lsv2_pt_{_word(32, _HEX)}_{_word(10, _HEX)}"), ("replicate", "r8_" + _word(37)), ("perplexity", "pplx-" + _word(48)),
        ("slack bot", "xoxb-" + _word(12, string.digits) + "-" + _word(24)), ("slack user", "xoxp-" + _word(12, string.digits) + "-" + _word(32)),
        ("slack app", "xapp-1-A" + _word(10, upper) + "-" + _word(13, string.digits) + "-" + _word(64, _HEX)),
        ("slack hook", "hooks.slack.com/services/T" + _word(8, upper) + "/B" + _word(8, upper) + "/" + _word(24)),
        ("sendgrid", "SG." + _word(22) + "." + _word(43)), ("mailgun", "key-" + _word(32, _HEX)), ("mailchimp", _word(32, _HEX) + "-us20"),
        ("brevo", "xkeysib-" + _word(64, _HEX) + "-" + _word(16)), ("twilio", "SK" + _word(32, _HEX)), ("telegram", _word(10, string.digits) + ":AA" + _word(33)),
        ("discord", "M" + _word(24) + "." + _word(6) + "." + _word(30)), ("stripe", "sk_live_" + _word(24)), ("stripe test", "rk_test_" + _word(24)),
        ("stripe hook", "whsec_" + _word(32)), ("square", "sq0atp-" + _word(22)), ("shopify", "shpat_" + _word(32, _HEX)), ("flutterwave", "FLWSECK_TEST-" + _word(32, _HEX) + "-X"),
        ("vault", "hvs." + _word(90)), ("vault batch", "hvb." + _word(140)), ("terraform", _word(14) + ".atlasv1." + _word(64)),
        ("neon", "napi_" + _word(64, lower)), ("planetscale", "pscale_tkn_" + _word(43)), ("supabase", "sbp_" + _word(40, _HEX)),
        ("databricks", "dapi" + _word(32, _HEX)), ("grafana", "glsa_" + _word(32) + "_" + _word(8, _HEX)), ("grafana cloud", "glc_" + _word(60)),
        ("newrelic", "NRAK-" + _word(27, upper)), ("sentry", "sntrys_eyJ" + _word(80)), ("postman", "PMAK-" + _word(24, _HEX) + "-" + _word(34, _HEX)),
        ("linear", "lin_api_" + _word(40)), ("notion", "ntn_" + _word(46)), ("airtable", "pat" + _word(14) + "." + _word(64, _HEX)), ("figma", "figd_" + _word(40)),
        ("doppler", "dp.pt." + _word(43)), ("1password", "ops_eyJ" + _word(250)), ("age", "AGE-SECRET-KEY-1" + _word(58, upper)),
        ("pulumi", "pul-" + _word(40, _HEX)), ("tailscale", "tskey-auth-" + _word(12) + "-" + _word(32)), ("heroku", "HRKU-" + _word(60)), ("jwt", _jwt()),
        ("octopus", "API-" + _word(26, upper)), ("dynatrace", "dt0c01." + _word(24, upper) + "." + _word(64, upper)), ("readme", "rdme_" + _word(70, lower)), ("duffel", "duffel_live_" + _word(43)),
        ("frameio", "fio-u-" + _word(64)), ("intra42", "s-s4t2ud-" + _word(64, _HEX)), ("harness", "pat." + _word(22) + "." + _word(24) + "." + _word(20)), ("gitlab flag", "glffct-" + _word(20)),
        ("adobe", "p8e-" + _word(32)), ("settlemint", "sm_pat_" + _word(16)), ("facebook", _word(15, string.digits) + "|" + _word(32)), ("facebook page", "EAAM" + _word(80)),
        ("square old", "EAAA" + _word(30)), ("clojars", "CLOJARS_" + _word(60)), ("authress", "sc_" + _word(8, lower) + "." + _word(5, lower) + ".acc-" + _word(12, lower) + "." + _word(40)),
        ("beamer", "b_" + _word(44, lower)), ("gocardless", "live_" + _word(40)), ("lob", "live_pub_" + _word(31, _HEX)), ("mailgun public", "pubkey-" + _word(32, _HEX)),
        ("plaid", "access-development-" + "-".join(_word(n, _HEX) for n in (8, 4, 4, 4, 12))), ("typeform", "tfp_" + _word(59)), ("sonar", "sqp_" + _word(40, lower)),
        ("mapbox", "pk." + _word(60, lower) + "." + _word(22, lower)), ("yandex", "t1." + _word(40) + "." + _word(86)), ("yandex key", "AQVN" + _word(36)), ("yandex aws", "YC" + _word(38)),
        ("defined networking", "dnkey-" + _word(26, lower) + "-" + _word(52, lower)), ("twitter bearer", "A" * 22 + _word(80)), ("shippo", "shippo_live_" + _word(40, _HEX)), ("azure ad new", _word(3) + "7Q~" + _word(34)),
        *((f"small letters and digits {n}", _word(n, lower)) for n in (26, 32, 40, 64)), *((f"capitals and digits {n}", _word(n, upper)) for n in (26, 32)),
        ("random base64", _word(32)), ("random base64 44", _word(43, _ALL + "+/") + "="),
    ]  # fmt: skip


_PLACES = (
    "{}", "2026-11-25T10:00:00Z INFO connecting with {} to upstream", '{{"level":"info","msg":"using {}"}}', "error: 401 for {}\n  at main.js:3",
)  # fmt: skip
_PASSWORDS = ("hunter2!x", "Tr0ub4dor&3", "correct-horse-battery", "p@ss,w;rd", "Sommer2026", "xK9#mQ2$", "geheim123")
_NAMED = (
    "password={}", "DB_PASS={} starting", "POSTGRES_PASSWORD={}", "export PGPASSWORD={}", "password: {}", 'password: "{}"', "'password': '{}'", '{{"password": "{}"}}',
    '{{\\"password\\": \\"{}\\"}}', "PASSWD={}", "passphrase: {}", "REDIS_PW={}", "REDIS_PW: {}", "PASSWORD_SALT={}", "APP_SALT: {}", "LICENSE={}", "LICENSE_KEY={}",
    "api_key={}", "apiKey: {}", '"apiKey": "{}"', "X-Api-Key: {}", "secret_key = {}", "SECRET_KEY_BASE={}", "client_secret={}", "ClientSecret: {}",
    "token={}", "https://h.example/path?access_token={}", "SIGNING_KEY={}", "ENCRYPTION_KEY={}", "JWT_SECRET={}", "MASTER_KEY={}", "AccountKey={}",
    "--password {}", "--password={}", "--db-password {}", "--token {}", "--api-key {}", "-password {}", "psql --pass {}", "mysql -u root -p{} todo",
    "curl -u admin:{} http://h/", "curl --user admin:{} http://h/", "wget --http-password={} http://h", "sshpass -p {} ssh h", "redis-cli -a {} ping",
    "docker login -u bob -p {} registry", "Server=db;Uid=app;Pwd={}", "host=db user=todo password={} dbname=todo", "jdbc:mysql://db/todo?user=a&password={}",
    "CREATE USER app IDENTIFIED BY '{}'", "ALTER USER app WITH PASSWORD '{}'", "<password>{}</password>", "the password is {}",
    "Cookie: session={}; theme=dark", "Set-Cookie: sid={}; Path=/", "set-cookie: connect.sid={}; HttpOnly", "PHPSESSID={}",
    "Authorization: Basic {}", "authorization: Token {}", '"Authorization": "Bearer {}"', "Proxy-Authorization: Basic {}", "openssl rsa -passin pass:{} -in k", "dbPassword = {}", "spring.datasource.password={}",
    "machine h login u password {}", "db.example.org:5432:todo:app:{}", "password: |\n  {}\nuser: x", "Password for user bob: {}", "DBPW={}",
    "token {} was revoked", "credentials: admin / {}", "login bob with password {} failed", "openssl enc -aes256 -k {} -in f", "keytool -storepass {} -list",
    "--from-literal=password={}", "docker run -e DB_PASS={} img", "java -Dspring.datasource.password={} -jar a", "helm upgrade --set auth.password={} x",
    "curl --user\t\"admin:{}\" http://h/", "echo {} | docker login --password-stdin", "passwort: {}", "AUTH_TOKEN={}", "bot_token: {}", "storage_key={}", "WEBHOOK_SECRET={}",
    'var apiToken string = "{}"', 'const apiToken: string = "{}";', 'token ??= "{}"', 'config["db_password"] = "{}"', 'os.environ["APP_TOKEN"] = "{}"', "db_password=SecretStr('{}')",
    "<apiToken>\n    {}\n</apiToken>", '<add key="Password" value="{}" />', '<entry name="apiToken" value="{}"/>', '{{"key":"app_token","value":"{}"}}', '{{"name": "Authorization", "value": "Basic {}"}}',
    "map[Authorization:[Basic {}] Accept:[*/*]]", 'http.Header{{"Authorization":[]string{{"Bearer {}"}}}}', "(b'authorization', b'Basic {}')", '["Authorization","Basic {}"]', "HTTP_AUTHORIZATION=Basic {}",
    "Cookie:[theme=dark; sid={}]", "cookies={{'sid': '{}'}}", '"set-cookie":["sid={}; Path=/"]', "curl -b sid={} http://h", "<Cookie sid={} for localhost/>",
    "senha={}", "\u043f\u0430\u0440\u043e\u043b\u044c: {}", "\u5bc6\u7801\uff1a{}", "has\u0142o: {}", "wachtwoord={}", "db.password[0]={}", "requirepass={}", "rabbitmqctl add_user bob {}", 'variable "db_password" {{ default = "{}" }}',
    "1 validation error for Settings\njwt_secret\n  String should have at least 32 characters [type=string_too_short, input_value='{}', input_type=str]",
    "requirepass {}", "kubectl create secret generic x --from-literal=anything={}", "DB_PASSWORD -> {}", "ENV API_TOKEN {}", "setenv API_TOKEN {}", "failed with credentials bob:{}",
)  # fmt: skip
_MIXED = (
    "define( 'NONCE_SALT', 'x;|q {}' );", "set -gx API_TOKEN {}", "setx API_TOKEN {}", '10.0.0.1 10.0.0.2 : PSK "{}"', '[auth]\nclient_secret = """\n{}"""', '{{password, <<"{}">>}}', "bcrypt.hash('{}', 10)",
    "mot de passe : {}", "use {} as the password for bob", "helm upgrade a b --set-string db.creds.value={}", "| password | {} |", "username,password\nbob,{}\n", " name | api_token \n------+-----------\n bob  | {}\n(1 row)",
    "jumpcloud_api_key {}-of-many-letters", 'NSString *password = @"{}";', 'Dim password As String = "{}"', 'ConvertTo-SecureString "{}" -AsPlainText', 'let api_key: &str = "{}";', 'if (password == "{}")', "token !== '{}'", "process.env.JWT_SECRET ?? '{}'",
    "database:\n  password:\n    value: {}", "passwords:\n  - first\n  - {}", '{{"passwords": ["{}"]}}', '{{"password": {{"value": "{}"}}}}', 'Content-Disposition: form-data; name="password"\r\n\r\n{}\r\n--x', '1700000000.1 [0 10.0.0.1:1] "AUTH" "{}"', "db.auth('bob', '{}')", "az login -u a -p {}",
    '"password":"ab\\"{}"', "DB_PASSWORD=\\\n{}", "pass\u200bword={}", "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44={}", "api_token:\n  {}",
    "OPENAI_API_KEY is set to {}", "TWILIO_AUTH_TOKEN {}", "JWT_SECRET ({}) is too short", "using password {}", "passwd {}", "PASSWORD   {}", "password ({})", "password=[{}]", "map[X-Api-Key:[{}]]", "('x-api-key', '{}')", '"X-Api-Key":["{}"]', 'System.setProperty("APP_TOKEN", "{}")',
    "app_token,{}", "Session-Id: {}", "AUTH {}", 'env = {{PATH=/bin, APP_PASSWORD={}, LC=en}}',
)  # fmt: skip
"""Places where a value counts that is more than a word: beside a name in code, a word stands there too."""
_COMMANDS = (
    "npm config set //r.example/:_authToken {}",
    "yarn config set npmAuthToken {}",
    "poetry config http-basic.acme bob {}",
    "poetry config pypi-token.pypi {}",
    'npmAuthIdent: "bob:{}"',
    "twine upload -u __token__ -p {} dist/a",
    "machine h login bob account x password {} macdef init",
    "podman pull --creds bob:{} r.example/x",
    "skopeo copy --src-creds bob:{} a b",
    "mysqldump -h db -uroot -p'{}' x",
    "lftp -u bob,{} ftp://x",
    "smbclient //h/s -U bob%{}",
    "vault kv put secret/x anything={}",
    "sqlplus bob/{}@//db:1521/x",
    "::add-mask::{}",
    "SET PASSWORD FOR 'bob'@'%' = '{}'",
    "CREATE LOGIN bob WITH PASSWORD = N'{}'",
    "CREATE USER bob IDENTIFIED BY {}",
    "[smtp]\nuser = bob\npass = {}",
    "{{'user': 'bob', 'pwd': '{}'}}",
    'db.createUser({{user:"bob",pwd:"{}"}})',
    "pass={}",
    "PW='{}'",
    "auth: {{ user: 'bob', pass: '{}' }}",
    "could not parse postgres://bob:{}",
    "docker build --build-arg=REGISTRY_AUTH={} .",
    "parola d'ordine: {}",
    "\u0643\u0644\u0645\u0629 \u0627\u0644\u0645\u0631\u0648\u0631: {}",
    "\u092a\u093e\u0938\u0935\u0930\u094d\u0921: {}",
    "m\u1eadt kh\u1ea9u: {}",
    "\u30d1\u30b9\u30ef\u30fc\u30c9\u306f {}",
    '{{"detail":[{{"type":"string_too_short","loc":["body","password"],"msg":"too short","input":"{}"}}]}}',
    "[{{'type': 'string_too_short', 'loc': ('auth_secret',), 'msg': 'short', 'input': '{}'}}]",
    '[{{ "received": "{}", "code": "x", "path": ["AUTH_SECRET"] }}]',
    '[ {{ code: "x", path: ["AUTH_SECRET"], received: "{}" }} ]',
    'Invalid environment variables: JWT_SECRET: Invalid value "{}"',
    '"JWT_SECRET" length must be at least 32 characters long: "{}"',
    "echo {} | gh auth login --with-token",
    "gh secret set X --body {}",
    "gh secret set X -b{}",
    "fly secrets set STRIPE={}",
    "wrangler secret put X <<< {}",
    "supabase link --project-ref x -p {}",
    "URL.create('postgresql', 'bob', '{}', 'h')",
    "user bob insecure-password {}",
    'user = "bob:{}"',
    "curl --oauth2-bearer {} x",
    "curl -E cert.pem:{} x",
    "WIFI:S:home;T:WPA;P:{};;",
    "page.fill('#password', '{}')",
    "mc alias set minio http://x:9000 minioadmin {}",
)
"""Commands and messages that hold a password, however plain a word it is."""
_URLS = (
    "postgresql://todo:{}@db.example.org:5432/todo", "mongodb+srv://u:{}@cluster0.mongodb.net/x", "redis://:{}@cache:6379/0", "amqp://guest:{}@mq:5672/%2f",
    "https://bob:{}@registry.example.org/v2/", "http://proxy:{}@10.0.0.1:3128", "mysql+pymysql://root:{}@db/todo", "smtp://mail:{}@smtp.example.org:587",
    "git clone https://oauth2:{}@git.example.org/x.git", "app:{}@tcp(db:3306)/todo", "jdbc:oracle:thin:scott/{}@db:1521:xe", "ftp://u:{}@files.example.org/",
)  # fmt: skip
_LITERAL = ("value-nobody-knows", "QX77-ALPHA", "blue.giraffe", "Zanzibar 1964", "kx", "0xC0FFEE", "abc def")


def _kubernetes(value: str) -> list[tuple[str, str]]:
    """The places of a manifest and of what kubectl prints where a literal value stands."""
    quoted = json.dumps(value)
    inner = json.dumps(json.dumps({"name": "CANARY", "value": value}, separators=(",", ":")))[1:-1]
    coded = base64.b64encode(value.encode()).decode()
    return [
        ("env yaml", f"        env:\n        - name: CANARY\n          value: {value}\n        image: a:1"),
        ("env json", f'"env":[{{"name":"CANARY","value":{quoted}}}]'),
        ("env json wide", f'"env": [\n {{\n  "name": "CANARY",\n  "value": {quoted}\n }}\n]'),
        ("env in last-applied", f'annotations: "{{{inner}}}"'),
        ("env described", f"    Environment:\n      LOG_LEVEL:  info\n      CANARY:     {value}\n    Mounts:  <none>"),
        ("env listed", f"# Deployment backend, container backend\nLOG_LEVEL=info\nCANARY={value}\n"),
        ("args yaml", f"        args:\n        - --port=8000\n        - --canary={value}\n        image: a:1"),
        ("args yaml apart", f"        args:\n        - --canary\n        - {value}\n        image: a:1"),
        ("args json", f'"args":["serve","--canary",{quoted}]'),
        ("args described", f"    Args:\n      --port=8000\n      --canary={value}\n    State:  Running"),
        ("configmap yaml", f"apiVersion: v1\ndata:\n  LOG_LEVEL: info\n  CANARY: {value}\nkind: ConfigMap"),
        ("configmap json", f'"data":{{"LOG_LEVEL":"info","CANARY":{quoted}}}'),
        ("configmap described", f"Name: c\n\nData\n====\nLOG_LEVEL:\n----\ninfo\n\nCANARY:\n----\n{value}\n\nEvents:  <none>"),
        ("env json turned", f'{{"value":{quoted},"name":"CANARY"}}'),
        ("env yaml turned", f"    env:\n    - value: {value}\n      name: CANARY\n"),
        ("env printed", f"PATH=/usr/bin\nCANARY={value}\nHOME=/root"),
        ("env of compose", f"environment:\n  - CANARY={value}"),
        ("env of values", f"env:\n  CANARY: {value}\n"),
        ("secret yaml", f"apiVersion: v1\ndata:\n  LOG_LEVEL: {coded}\nkind: Secret"),
        ("secret json", f'{{"kind":"Secret","data":{{"LOG_LEVEL":"{coded}"}}}}'),
    ]  # fmt: skip


def _wrapped() -> list[tuple[str, str, str]]:
    """Secrets inside of something: of JSON in JSON, of base64 in base64, of a URL, of the lines of a log."""
    dsn, token = "postgresql://todo:hunter2x@db:5432/todo", "ghp_" + _word(36)
    manifest = "apiVersion: v1\nkind: Secret\ndata:\n  foo: aGVsbG8x\nstringData:\n  bar: |\n    line-one\n    line-two"
    turned = "apiVersion: v1\ndata:\n  foo: aGVsbG8x\nkind: Secret"
    found = [("wrapped json", json.dumps({"a": json.dumps({"b": json.dumps({"dsn": dsn})})}), "hunter2x")]
    for form in ("\\n{}", "\\t{}", "\\u0022{}\\u0022", "%22{}%22", "k%253D{}", "\x1b[31m{}\x1b[0m", "&quot;{}&quot;"):
        found.append(("wrapped token", f"log {form.format(token)}", token))
    found += [
        ("wrapped url", "dial=" + quote(dsn, safe=""), "hunter2x"),
        ("wrapped name", "q=password%3Dgiraffe7", "giraffe7"),
    ]
    for secret in (token, dsn, "password=hunter2long"):
        once = base64.b64encode(secret.encode()).decode()
        twice = base64.b64encode(once.encode()).decode()
        thrice = base64.b64encode(twice.encode()).decode()
        found += [("base64 again", f"blob {word} read", word) for word in (once, twice, thrice)]
    for before in (
        "2026-11-25T10:00:00.123Z ",
        "[pod/backend-1/backend] ",
        "2026-11-25T10:00:00Z INFO  ",
        "    | ",
        "backend-1  | ",
    ):
        for text, secret in ((manifest, "aGVsbG8x"), (manifest, "line-two"), (turned, "aGVsbG8x")):
            found.append(("logged manifest", "\n".join(before + line for line in text.split("\n")), secret))
    found += [("manifest in json", json.dumps({"msg": text}), "aGVsbG8x") for text in (manifest, turned)]
    diff = " kind: Secret\n data:\n-  LEVEL: b25lLXdvcmQ=\n+  LEVEL: aGVsbG8x\n"
    found += [("compared manifest", diff, word) for word in ("aGVsbG8x", "b25lLXdvcmQ=")]
    found.append(("compared manifest", f"@@ -1,3 +1,3 @@\n apiVersion: v1\n{diff}", "aGVsbG8x"))
    found += [(f"on one line {n}", text, "aGVsbG8x") for n, text in enumerate((
        "kind: Secret\ndata: {a: aGVsbG8x, b: eA==}", "{apiVersion: v1, kind: Secret, data: {a: aGVsbG8x}}", "kind: Secret\ndata:\n  x: !!binary |\n    aGVsbG8x\n",
    ))]  # fmt: skip
    account, token = "AC" + _word(32, _HEX), _word(32, _HEX)
    for form in (
        "sid {0}\nauth {1}",
        "Accounts/{0}/Messages.json -u {0}:{1}",
        "twilio:\n  sid: {0}\n  auth: {1}",
        "Client('{0}', '{1}')",
        "{1} of {0}",
    ):
        found.append(("twilio", form.format(account, token), token))
    found.append(("query", f"https://api.example.org/data?appid={token}", token))
    found.append(("printed by Go", "map[apiVersion:v1 data:map[foo:aGVsbG8x] kind:Secret]", "aGVsbG8x"))
    found.append(("docker login", '{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}', "dXNlcjpwYXNz"))
    found.append(("basic", "got Basic dXNlcjpwYXNz from 10.0.0.1", "dXNlcjpwYXNz"))
    return found


def secrets() -> list[tuple[str, str, str]]:
    """(kind, text, the part of it that must not leave)."""
    found = [
        (f"token {kind}", _PLACES[number % len(_PLACES)].format(token), token)
        for number, (kind, token) in enumerate([*_tokens(), *_tokens(), *_tokens()])
    ]
    found += [
        (f"named {form}", form.format(value), value)
        for number, form in enumerate(_NAMED)
        for value in (_PASSWORDS[number % len(_PASSWORDS)], _PASSWORDS[(number + 3) % len(_PASSWORDS)])
        if not (form.startswith("token {}") and not re.search(r"\d", value))
        if not (value == "p@ss,w;rd" and form.startswith(("Server=", "jdbc", "Cookie", "Set-", "set-", "PHPSESSID")))
    ]
    found += [(f"named {form}", form.format(value), value) for form in _MIXED for value in ("hunter2x", "Sommer2026")]
    found += [
        (f"command {form}", form.format(value), value) for form in _COMMANDS for value in ("wombatking", "Tr0ub4d-r.x")
    ]
    found += _wrapped()
    found += [
        (f"url {form}", text.format(form.format(value)), value)
        for form in _URLS
        for value, text in (("s3cr3t-pw", "cannot connect to {}"), ("p%40ss.word", 'DSN="{}" refused'))
    ]
    for value in _LITERAL:
        for kind, text in _kubernetes(value):
            if " " in value and kind in ("env printed", "env of compose"):
                continue  # knowingly: a log line may begin like a setting and go on in words
            coded = kind.startswith("secret")
            found.append((kind, text, base64.b64encode(value.encode()).decode() if coded else value))
    for kind in ("RSA ", "EC ", "OPENSSH ", ""):
        pem = _pem(kind)
        found.append(("pem", pem, pem.splitlines()[2]))
        found.append(("pem escaped", json.dumps({"k": pem}), pem.splitlines()[2]))
        found.append(("pem cut off", pem.rpartition("-----END")[0], pem.splitlines()[3]))
        coded = base64.b64encode(pem.encode()).decode()
        found.append(("pem in base64", f"tls: {coded}", coded[:60]))
    hidden = base64.b64encode(b"postgresql://todo:" + b"s3cr3t@db/todo").decode()
    for made in (
        "$2b$12$" + _word(53),
        "$argon2id$v=19$m=65536,t=3,p=4$" + _word(22) + "$" + _word(43),
        "$6$" + _word(16) + "$" + _word(86),
    ):
        found.append(("hash", f"bob:{made}:19000", made[-20:]))
    return [*found, *_signed_and_blank(), *_torn_urls(), ("url in base64", f"value {hidden} decoded", hidden)]


def _torn_urls() -> list[tuple[str, str, str]]:
    """What drivers quote of a database's URL that they could not take apart, since its password is not encoded."""
    forms = (
        "InterpolationSyntaxError: '%' must be followed by '%' or '(', found: '%21{}@db:5432/todo'",
        "ValueError: invalid literal for int() with base 10: '{}#word@db.neon.tech'",
        "Could not parse SQLAlchemy URL from string 'postgres//u:{}@h/db'",
        'could not translate host name "{}@database" to address: Name or service not known',
        "Error: getaddrinfo ENOTFOUND {}@database", "dial tcp: lookup {}@db on 10.96.0.10:53: no such host",
        "ValueError: Port could not be cast to integer value as '{}'", "InvalidURL: nonnumeric port: '{}'",
    )  # fmt: skip
    return [("torn url", form.format(value), value) for form in forms for value in ("cdefXY9", "geheim")]


def _signed_and_blank() -> list[tuple[str, str, str]]:
    """Headers with a signature, addresses whose password holds blanks, and what programs take a password by."""
    found: list[tuple[str, str, str]] = []
    for name, before in (
        ("X-Hub-Signature-256", "sha256="), ("x-hub-signature", "sha1="), ("Stripe-Signature", "t=1492774577,v1="),
        ("X-Slack-Signature", "v0="), ("X-Shopify-Hmac-Sha256", ""), ("HTTP_X_HUB_SIGNATURE_256", "sha256="),
    ):  # fmt: skip
        value = _word(64, _HEX)
        found += [("header", f"{name}: {before}{value}", value), ("header", f'{{"{name}": "{before}{value}"}}', value)]
    for address in ("postgres://a:p w{}@h/x", "redis://:two words {}@cache:6379/0", 'URL="mysql://r:my pass {}@db/x"'):
        value = "c0rrect-" + _word(6)
        found.append(("url with a blank", address.format(value), value))
    for text in ("http -a bob:{} h", "ipmitool -U a -P {}", "snmpwalk -v3 -A {}", "user bob on >{} ~* +@all"):
        value = "c0rrect-" + _word(6)
        found.append(("command of another program", text.format(value), value))
    for made in (
        "pnu_" + _word(36, _LOWER), "sgp_local_" + _word(40, _HEX), "slk_" + _word(64, _HEX), "sk_" + _word(48, _HEX),
        f"snyk_uat.{_word(8, _HEX)}.{_word(30)}", "bkua_" + _word(40, _HEX), "rzp_live_" + _word(14),
        f"SWMTKN-1-{_word(49, _LOWER)}-{_word(25, _LOWER)}", "fc-" + _word(32, _HEX), "e2b_" + _word(40, _HEX),
        "secret-live-" + _word(36), f"pdl_live_apikey_01{_word(24, _LOWER)}_{_word(22)}_{_word(3)}",
        "newcomer_live_" + "k3m9" * 7,
    ):  # fmt: skip
        found.append(("token of another issuer", f"answered {made}", made))
    return found


LOOKALIKES = (
    "may require authorization: server message: insufficient_scope: authorization failed",
    "open '/app/patches/next-auth@4.24.7.patch'", "'@acme/ui@workspace:packages/ui' is not in this workspace", "ValueError: invalid literal for int() with base 10: 'tcp://10.96.0.12:6379'",
    "could not translate host name \"database\" to address", "getaddrinfo ENOTFOUND backend-service",
    'secret "database-secrets" not found', "secretName: database-secrets", "couldn't find key DATABASE_URL in Secret chatbot-dev/database-secrets",
    "automountServiceAccountToken: false", "MODEL_MAX_TOKENS: 1024", "max_tokens=512", "http://backend-service:8000/api/todos?x=1",
    "todo-chatbot/backend@sha256:" + _word(64, _HEX), "postgresql://database:5432/todo refused the connection", "basic authentication failed",
    "pod/backend-7d8f9c6b5d-x2x9z", "uid: 123e4567-e89b-12d3-a456-426614174000", "containerID: containerd://" + _word(64, _HEX), "resourceVersion: \"184223\"",
    "commit " + _word(40, _HEX), "KeyError: 'DATABASE_URL'", "password authentication failed for user todo", "FATAL: password authentication failed", "the token has expired",
    "error: You must be logged in to the server (Unauthorized)", "key: app.kubernetes.io/name", "license: MIT", "License: Apache-2.0", "bypass: enabled", "compass=north",
    "tokens used: 1402", "pass: 12 tests", "PASS=14 FAIL=0", "keyword: value", "monkey: banana", "Readiness probe failed: HTTP probe failed with statuscode: 404",
    "Back-off restarting failed container backend in pod backend-6b7-x_chatbot-dev(ab12cd34-0000-4000-8000-1234567890ab)", "image: registry.example.org:5000/todo/backend:1.2.3",
    "kubectl get pods -n chatbot-dev -o wide", "curl -u 1000:1000", "docker run -u 1000:1000 img", "user: 10001:10001", "arn:aws:iam::123456789012:role/todo",
    "10.244.112.1 - - [23/Nov/2026 12:15:21] \"GET /readyz HTTP/1.1\" 404 -", "listening on http://0.0.0.0:8000", "GET https://example.org/a/b?page=2&size=10 200",
    "  File \"/usr/lib/python3.13/site-packages/uvicorn/protocols/http/h11_impl.py\", line 403, in run_asgi", "at Object.<anonymous> (/app/server.js:12:9)",
    "java.lang.IllegalStateException: HikariPool-1 - Connection is not available", "com.example.todo.TodoServiceApplicationContextInitializer2Factory.create",
    "HorizontalPodAutoscalerV2Beta2ConditionsTransformer", "    Limits:\n      cpu:     500m\n      memory:  512Mi", "Environment:\n  PORT: 8000\n  LOG_LEVEL: info\n  NODE_ENV: production",
    "env:\n- name: PORT\n  value: \"8000\"\n- name: API_BASE_URL\n  value: http://backend-service:8000", "env:\n- name: K\n  valueFrom:\n    secretKeyRef:\n      name: api-keys\n      key: OPENAI_API_KEY",
    '"env":[{"name":"LOG_LEVEL","value":"debug"}]', "args:\n- --port=8000\n- --host=0.0.0.0\n- --log-level=info", "command:\n- python\n- -m\n- uvicorn\n- app.main:app",
    '"args":["serve","--port","8000","--workers=2"]', "data:\n  LOG_LEVEL: info\n  MODEL_TEMPERATURE: \"0.2\"\nkind: ConfigMap", "Warning  Unhealthy  4s (x8 over 15s)  kubelet  Readiness probe failed",
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available", "exceeded quota: chatbot-quota, requested: limits.cpu=8, used: limits.cpu=2, limited: limits.cpu=4",
    "secret/api-keys created", "Type: kubernetes.io/service-account-token", "tokenExpirationSeconds: 3607", "serviceAccountToken:\n  path: token", "imagePullSecrets:\n- name: pull",
    "passed=12 failed=3", "signature verified", "author: jane", "authenticated: true", "auth: disabled", "key=value pairs", "sort-by=.lastTimestamp", "pin: true",
    "checksum/config: " + _word(64, _HEX), "pod-template-hash: 6b7c8d9f4d", "nodeSelector:\n  disktype: ssd", "cookie consent is shown", "no cookies set", "session closed", "session_timeout=30",
    "OPENAI_API_KEY is not set", "set OPENAI_API_KEY or GEMINI_API_KEY", "Error: OPENAI_API_KEY=", "api-keys", "token: null", "password: ${DB_PASSWORD}", "password: {{ .Values.password }}",
    "secretKeyRef:\n  name: database-secrets\n  key: DATABASE_URL", "ssl_certificate_key /etc/nginx/tls.key;", "--set image.tag=1.2.3", "kubectl create secret generic x --from-file=a",
    "hashed 3 passwords", "connect ECONNREFUSED 10.96.0.12:5432", "ModuleNotFoundError: No module named 'secret_service'", "npm ERR! code ELIFECYCLE", "exit code 137 (OOMKilled)", "  ERROR: relation does not exist", "  HINT: No function matches", "FAILED=3", "PATH=/usr/local/bin:/usr/bin",
    "topologyKey: kubernetes.io/hostname", "apiVersion: autoscaling/v2", "2026-11-25T10:00:00.123456789Z stdout F ready", "token authentication is on", "with password authentication", "login page is shown", "the token expired 5m ago", "api key missing",
    "def verify_password(plain, hashed):", '["password", "username"]', "tokens: [a, b]", "Path: C:\\temp\\new", "a%20b%2Fc", "secret [database-secrets] mounted",
    "data:map[LOG_LEVEL:info] kind:ConfigMap", "Basic authentication is used", "session_id: none", "backend-1  | ready", "password (optional)", "2026-11-25T10:00:00Z INFO starting", 'Content-Type:[application/json]',
    "tolerations: [{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\"}]", "token string", "password: string", "cookies: []",
    "Controlled By:  ReplicaSet/backend-5m2j5kb7gp", "request_id=01ARZ3NDEKTSV4RRFFQ69G5FAV", "todo cjld2cjxh0000qzrmn831i7rn was created", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678", "trace_id=4bf92f3577b34da6a3ce929d0e0e4736", "horizontalpodautoscalers.autoscaling/v2", "_next/static/chunks/main-app-1a2b3c4d5e6f7a8b.js",
    "wheel: pydantic_core-2.46.1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "kube-api-access-x7abc", "loaded libstdc++.so.6.0.33 from x86_64-linux-gnu",
"PGUSER=app", "SMTP_FROM=no-reply", "kubectl cp x:/etc/passwd /tmp/copy43", "postgres://localhost:5432 refused, ask us", "checksum: sha256=" + _word(64, _HEX), "a user bob wrote >log.txt", "X-Signature-Version: 2", "commit_" + _word(40, _HEX), "POSTGRES_USER: postgres", "PGHOST=db", "env:\n- name: SMTP_USER\n  value: mailer", "GPG_KEY=" + _word(40, "0123456789ABCDEF"), "PYTHON_SHA256=" + _word(64, _HEX), "AUTHOR=Bob", "KEYSPACE=app",
    '{"name":"SORT_KEY","value":"created"}', "ROUTING_KEY=orders.created", "host,port,name\nuser,passwords,tokens\n", "if self.password:\n    return login()", '"serviceAccountToken": {"expirationSeconds": 3607}', 'PASSWORDS = (\n    "name", "password",\n    "host", "port",\n)',
    "JWT_SECRET is shorter than 32 characters", "API_KEY is required by model2", "1 validation error for Settings\nport\n  Input should be a valid integer [type=int_parsing, input_value='80a', input_type=str]", "the otp code is wrong", "DATABASE_URL: PASSWORD (optional)",
    "\"integrity\": \"sha512-" + _word(86, _ALL + "+/") + "==\"", "SHA256:" + _word(43), "password: Field required [type=missing]", "RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci", "docker build --secret id=npmrc,src=.npmrc .",
    "--set auth.existingSecret=database-secrets", 'const [password, setPassword] = useState("")', 'const token = localStorage.getItem("token")', "password: str = Field(min_length=8)", 'api_key=os.environ["OPENAI_API_KEY"]',
    "apiKey: process.env.OPENAI_API_KEY", "Can't locate revision identified by 'ae1027a6acf'", "CREATE TABLE users (password VARCHAR(255) NOT NULL)", "request_id=req_011" + _word(21), "public key: ssh-ed25519", "--auth none", "auth=scram-sha-256",
    'ERROR [Better Auth]: Error: relation "user" does not exist', "Collecting git+ssh://git@github.com/acme/lib.git", "git clone 'ssh://****@github.com/acme/lib.git'", "amqp://guest:**@127.0.0.1:5672//: refused", "{ expected: 'string', received: 'undefined', path: [ 'BETTER_AUTH_SECRET' ] }", "docker run -u 1000 -p 8080:80 nginx", "docker run -u node -p 127.0.0.1:3000:3000 app", "psql -U todo -p 5432 -h db todo", "npm config set registry https://registry.npmjs.org/", "poetry config virtualenvs.in-project true", "git config credential.helper store",
    "aws configure set region eu-west-1", "postgres://host:port/db", "pass=3 fail=0", "proxy_pass http://backend:8000;", "python -m pytest -p no:cacheprovider", "--build-arg NODE_ENV=production", "first pass: parse", "- name: backend\n+ name: frontend",
    "etag: W/\"1f-abc\"", "v1.36.2+k3s1", "sha512-" + _word(20, _HEX),
)  # fmt: skip
