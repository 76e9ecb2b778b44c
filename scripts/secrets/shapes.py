# ruff: noqa: E501 tables are read along their lines
"""The shapes of secrets: fixed formats of keys and tokens, values whose name gives them away, credentials in URLs.

Formats as gitleaks and detect-secrets list them. Every pattern starts where a run of its characters starts, or is
bounded, so that a long line costs time in proportion to its length. A pattern with groups hides its first group that
matched, one without hides all of it.
"""

from __future__ import annotations

import base64
import itertools
import re
import string
from collections.abc import Iterable, Iterator

from scripts.secrets.settings_in_text import NO_DATABASE_KEY, VARIABLE

Span = tuple[int, int, str]  # start, end, kind
Row = tuple[str, frozenset[str], re.Pattern[str]]  # kind, words of which a match has one (none: any text), pattern

_START = r"(?<![A-Za-z0-9_])"  # where a token may begin
_TOKENS = (
    # cloud providers
    r"(?:A3T[A-Z0-9]|AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r"AIza[\w-]{30,}", r"ya29\.[\w-]{20,}", r"1//0[\w-]{30,}", r"GOCSPX-[\w-]{20,}", r"LTAI[A-Za-z0-9]{12,30}\b",
    r"AKID[A-Za-z0-9]{13,40}\b", r"ABSK[A-Za-z0-9+/]{60,}={0,2}", r"bedrock-api-key-[\w+/=-]{20,}",
    r"do[oprt]_v1_\w{20,}", r"[a-zA-Z0-9_~.]{3}\dQ~[a-zA-Z0-9_~.-]{31,34}", r"ocid1\.user\.oc1\.\.\w{20,}",
    # code and packages
    r"gh[pousr]_[A-Za-z0-9]{16,}", r"github_pat_\w{20,}", r"gl(?:pat|ptt|dt|soat|ft|rt|cbt|agent|oas|imt|ptt)-[\w.-]{16,}",
    r"GR1348941[\w-]{16,}", r"ATBB[A-Za-z0-9]{24,}", r"ATATT3[\w=-]{40,}", r"npm_\w{30,}", r"pypi-[\w-]{30,}",
    r"rubygems_[a-f0-9]{40,}", r"dckr_(?:pat|oat)_[\w-]{20,}", r"clojars_\w{40,}", r"NPM_[A-Z]*TOKEN=\S{8,}", r"cio\w{32}\b",
    # models
    r"sk-[A-Za-z0-9_-]{16,}", r"gsk_\w{20,}", r"xai-\w{20,}", r"hf_\w{20,}", r"api_org_[A-Za-z]{30,}", r"pplx-\w{20,}",
    r"r8_\w{30,}", r"AQ\.Ab8RN6[\w-]{20,}", r"csk-[a-z0-9]{20,}", r"nvapi-[\w-]{20,}", r"fw_\w{20,}", r"tvly-[\w-]{20,}",
    r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b", r"[ps]k-lf-[0-9a-f-]{36}\b",
    # chat and mail
    r"xox[a-z]-[\w-]{10,}", r"xapp-[\w-]{10,}", r"xoxe\.[\w.-]{20,}", r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+]{10,}",
    r"SG\.[\w-]{16,}\.[\w-]+", r"key-[0-9a-f]{32}\b", r"[0-9a-f]{32}-us\d{1,2}\b", r"\d{8,10}:AA[\w-]{32,}",
    r"xkeysib-[a-f0-9]{64}-\w{16}", r"(?:SK|AC)[0-9a-f]{32}\b", r"SK[0-9a-fA-F]{32}\b", r"[MNO][A-Za-z\d_-]{22,28}\.[\w-]{6}\.[\w-]{27,}",
    r"https://[\w-]+\.webhook\.office\.com/\S{20,}", r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\S{20,}",
    r"re_[A-Za-z0-9]{8,}_[A-Za-z0-9]{16,}", r"pubkey-[0-9a-f]{32}\b", r"b_[a-z0-9=_-]{44}", r"\d{5,16}:A[\w-]{34}\b", r"A{22,}[\w%]{60,}", r"tfp_[\w.=-]{59}",
    # money
    r"[rs]k_(?:live|test|prod)_\w{10,}", r"whsec_[\w+/=]{20,}", r"sq0[a-z]{3}-[\w-]{22,}", r"EAAA[\w-]{22,}", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
    r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}", r"FLWSECK(?:_TEST)?-[\w-]{12,}", r"EZ[AT]K\w{50,}", r"(?:live|test)_(?:pub_)?[\w=-]{31,}", r"access-(?:sandbox|development|production)-[0-9a-f-]{36}\b", r"shippo_(?:live|test)_[0-9a-fA-F]{40}\b",
    # infrastructure and data
    r"hv[sbr]\.[\w-]{20,}", r"s\.[A-Za-z0-9]{24}\b", r"[a-zA-Z0-9]{14}\.atlasv1\.[\w=-]{40,}", r"n(?:api|pg)_\w{12,}", r"nfp_\w{36,}", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{20,}",
    r"sbp_[a-f0-9]{40}", r"sb_secret_\w{20,}", r"dapi[a-f0-9]{32}(?:-\d)?\b", r"glc_[A-Za-z0-9+/=]{20,}", r"glsa_\w{20,}", r"eyJrIjoi[A-Za-z0-9+/=]{40,}",
    r"NRAK-[A-Za-z0-9]{20,}", r"dnkey-[\w=-]{26}-[\w=-]{52}", r"sq[apu]_[\w-]{40}", r"pk\.[a-z0-9]{60}\.[a-z0-9]{22}", r"t1\.[\w-]{1,200}={0,2}\.[\w-]{86}={0,2}", r"AQVN[\w-]{35,38}\b", r"YC[\w-]{38}\b", r"[a-z0-9]{11}A{10}[\w=-]{43}", r"NRII-[\w-]{20,}", r"NRJS-[a-f0-9]{19}", r"sntry[su]_[\w+/=]{20,}", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", r"lin_api_\w{30,}",
    r"ntn_\w{30,}", r"secret_[A-Za-z0-9]{40,}", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}", r"figd_[\w-]{30,}", r"phc_\w{30,}", r"dp\.(?:pt|st|ct|sa|scim|audit)\.\S{30,}",
    r"p8e-[\w-]{32,}", r"dt0[cs]\d\d\.[A-Z0-9a-z]{24}\.[A-Z0-9a-z]{60,}", r"rdme_[a-z0-9]{60,}", r"API-[A-Z0-9]{26}\b", r"duffel_(?:test|live)_[\w=-]{40,}",
    r"fio-u-[\w=-]{60,}", r"s-s4t2(?:ud|af)-[a-f0-9]{60,}", r"[ps]at\.[\w-]{22}\.[\w-]{24}\.[\w-]{20}", r"glffct-[\w-]{20,}", r"sm_(?:aat|pat|sat)_[A-Za-z0-9]{16,}",
    r"CLOJARS_\w{40,}", r"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[\w+/=-]{30,}", r"\d{15,16}(?:\||%7[Cc])[\w-]{27,40}", r"EAA[MC][A-Za-z0-9]{60,}",
    r"SG\.[\w.=-]{60,}", r"xoxe[.-]xox[bp]-\d-[A-Z0-9]{60,}", r"FLWPUBK_TEST-[a-h0-9]{32}-X", r"ey[A-Za-z0-9]{17,}\.ey[\w/-]{17,}\.[\w/=-]{10,}", r"sl\.[\w=-]{60,}", r"ZXlK[\w+/=-]{40,}",
    r"ops_eyJ[\w+/=-]{40,}", r"A3-[A-Z0-9]{6}-[A-Z0-9-]{20,}", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}", r"pul-[a-f0-9]{40}", r"CCIPAT_\w{10,}_\w{20,}",
    r"tskey-(?:auth|api|client|webhook)-[\w-]{20,}", r"fo1_[\w-]{40,}", r"fm[12][ar]?_[\w+/=-]{60,}", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{100,}", r"HRKU-[\w-]{30,}",
    r"pnu_\w{30,}", r"sgp_(?:[a-f0-9]{16}_|local_)?[a-f0-9]{40}", r"slk_[a-f0-9]{64}", r"sk_[a-f0-9]{32,}", r"snyk_[a-z]{2,6}\.[a-f0-9]{8}\.[\w.-]{20,}", r"bk(?:ua|ct)_\w{30,}", r"rzp_(?:live|test)_\w{14,}",
    r"pdl_(?:live|sdbx)_apikey_\w{30,}", r"SWMTKN-1-[a-z0-9]{40,}-[a-z0-9]{20,}", r"fc-[a-f0-9]{32}", r"e2b_[a-f0-9]{40}", r"secret-(?:live|test)-[\w=-]{20,}",
    r"LS0tLS1CRUdJT[A-Za-z0-9+/=\\n]{20,}",  # -----BEGIN …, in base64
)  # fmt: skip
# Names that mean a secret whatever the value is, and names that do so only if the value looks like one.
_STRONG = (
    r"(?-i:[A-Z]{2}PW)|pass[_-]?word(?:[_-]?hash)?|(?<!etc/)passwd|pass[_-]?phrase|pass[_-]?code|contrase[nñ]a|mot[_ -]?de[_ -]?passe|kennwort|passwort|senha|parola(?: d'ordine)?|şifre|hasło|wachtwoord|lösenord|adgangskode|salasana|пароль|密码|密碼|パスワード|비밀번호|كلمة المرور|كلمة السر|گذرواژه|پاس ورڈ|पासवर्ड|mật khẩu|kata sandi|heslo|jelszó|סיסמה|"
    r"(?:api|access|account|private|secret|signing|encryption|master|license|shared|storage|subscription|app|auth|client|"
    r"consumer|deploy|service|webhook|hmac|aes|session)[_-]?key|client[_-]?secret|secret|token|credentials?|"
    r"licen[cs]e[_-]?(?:code|no|number)|connection[_-]?string|conn[_-]?str|x-amz-(?:signature|security-token|credential)"
)
# As the end of a compound name these leave no doubt.
_ENDING = r"(?<=[A-Za-z0-9])[_.-](?:pass|pw|pwd|psw|salt|pepper|pin|otp|creds?|seed)"
_SUFFIX = r"(?:[_.-](?:base|value|string|text|data|b64|base64|raw|current|old|new|file_content|\d{1,2}))?"
# InvalidPassword: FATAL … is what an error is called, and nobody's password.
_NO_ERROR = r"(?<!Invalid)(?<!Missing)(?<!Expired)(?<!Incorrect)(?<!Wrong)(?<!NoSuch)(?<!existing)"
_WEAK = r"psk|hmac|pass|pwd|pw|psw|salt|pepper|licen[cs]e|pin|otp|(?<!GPG_)(?<!public)(?<!public.)key|auth|dsn|creds?|sig|signature|nonce|seed|mnemonic"
_SESSION = r"(?:js|php|asp)?sess(?:ion)?[_.-]?(?:id|key)?|connect\.sid|csrf[_-]?token|xsrf-token|sid|remember[_-]?me"
_QUOTE = r"(?:\\{0,4}[\"'])?"
_TYPE = r"(?:[ \t]{0,9}:?[ \t]{0,9}(?:as[ \t]{1,9})?&?(?:'static[ \t])?(?:string|String|str|Optional\[str\]|SecretStr)(?![\w-]))?"
_MADE = r"(?:(?:SecretStr\(|[@bfru])(?=\\{0,4}[\"']))?"
_SET = rf"{_QUOTE}(?:\[\d{{1,3}}\]|[\])])?{_TYPE}[ \t]{{0,20}}(?::=|=>|->|\?\?=|\?=|\?:|\.=|\+=|=|:|\uff1a)[ \t]{{0,20}}{_MADE}"
_VALUE = r"(?:(?<!\\)\"((?:[^\"\\\n]|\\[^\n])+)|(?:\\{1,4}\")((?:[^\"\\\n]|\\[^\"\n])+)|'([^'\n]+)|`([^`\n]+)|([^\s\"'`<>]+))"
# Compared with, or else; in a list, or as the value of an object.
_COMPARED = r"[)\]]?\s{0,4}(?:={2,3}|!={1,2}|\|\||\?\?)\s{0,4}@?[\"'`]([^\"'`\n]{3,})"
_KEY = r"(?:value|current|data|plain|text|default)"
_HELD = (
    rf"s?\\{{0,4}}[\"']\s{{0,9}}:\s{{0,9}}(?:\[\s{{0,40}}|\{{\s{{0,40}}\\{{0,4}}[\"']{_KEY}\\{{0,4}}[\"']\s{{0,9}}:\s{{0,9}})"
    r"\\{0,4}[\"']([^\"'\n\\]{3,})"
)
# How what the product itself says of a key goes on, after its name and a colon: never a value.
_SAID = (
    r"(?!(?:variable \w+|file \S+): |set [A-Z_]\w* in |write it to the file |refers to \$\{|has (?:no|the) "
    r"|is (?:in the environment of|that of|no|not|a|an|the|empty|shorter than) |is empty\b|there is no |too short,)"
)
_NOT = (
    _SAID
    + r"(?!(?:\\{0,4}[\"'])?(?:field required|true|false|null|none|nil|undefined|optional|required|missing|empty|invalid|\*+)\b)(?!unexpected status\b|server message\b|exec: |(?:Get|Post|Head) \\{0,4}\")(?![\"']?<[^<>\n]*>|[{\[]|\$[{(]|(?-i:\$[A-Z_][A-Z0-9_]*(?![\w$]))|\*{3})"
)
_SPDX_NAMES = (
    r"[\"']?(?:MIT|Apache|A?L?GPL|BSD|ISC|MPL|EPL|CC0|CC-|Unlicense|WTFPL|Zlib|BSL|SSPL|Elastic|Proprietary|Commercial)"
)
_SERVERS = (
    "postgres(?:ql)?|mysql|mariadb|mongodb|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroachdb|oracle|nats|kafka|ldaps?|"
    "smtps?|ftp"
)
_I = re.IGNORECASE
DEEPEST = 4  # times that a secret may be put into base64 over and over
_NAMED = rf"(?:{_STRONG}|{_ENDING}|authorization){_SUFFIX}"
_NAMES = (  # of which one is in whatever `_NAMED` matches
    "pw|key|otp|pin|psw|conn|cred|pass|salt|seed|licen|token|client|pepper|phrase|secret|signature|authorization|hasło|heslo|"
    "senha|şifre|jelszó|parola|пароль|contrase|kennwort|lösenord|salasana|kata sandi|wachtwoord|adgangskode|mật khẩu|密码|密碼|"
    "비밀번호|パスワード|סיסמה|پاس ورڈ|گذرواژه|पासवर्ड|كلمة السر|كلمة المرور"
)
_MIXED = r"(?=[^\s\"']{0,60}\d)(?=[^\s\"']{0,60}[A-Za-z])"
_BEFORE_WEAK = r"(?:(?<![A-Za-z0-9])|(?<=[a-z])(?=[A-Z]))"


def _words(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split("|")))


# Kind, words as in a row, pattern, flags.
PATTERNS: tuple[Row, ...] = tuple(
    (kind, _words(words), re.compile(pattern, flags))
    for kind, words, pattern, flags in (
        # A key without its end is hidden as far as it still looks like one, with line breaks real or escaped.
        ("PRIVATE_KEY", "-----begin ", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----BEGIN)[\s\S]){0,20000}?-----END [A-Z0-9 ]{0,60}-----", 0),
        ("PRIVATE_KEY", "-----begin ", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s|]|\\[nr])*", 0),
        ("PRIVATE_KEY", "putty-user-key-file-", r"PuTTY-User-Key-File-\d:(?:[^\n]{0,200}\n){1,60}?Private-MAC:[^\n]{0,200}", 0),
        ("TOKEN", "eyj", r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*){0,3}", 0),
        ("TOKEN", "authorization", rf"\bauthorization{_SET}{_QUOTE}(?:(?:bearer|basic|token|digest|apikey|negotiate|ntlm|hoba|bot|sharedaccesssignature|aws4-hmac-sha256)\s{{1,8}})?{_NOT}(?!\s)([^\n\"']{{4,}})", _I),
        ("TOKEN", "authorization", rf"\bauthorization{_SET}{_QUOTE}{_NOT}(?:\w{{2,20}}\s{{1,8}})?([^\s\"',;]{{4,}})", _I),
        ("TOKEN", "bearer", r"\bbearer\s{1,8}[\"']?([\w.~+/=-]{16,})", _I),
        ("TOKEN", "bearer", r"\bbearer\s{1,8}[\"']?((?=\S{0,60}\d)(?=\S{0,60}[A-Za-z])[^\s\"'<>]{8,})", _I),
        ("COOKIE", "cookie", rf"\b(?:set-)?cookie2?{_SET}{_QUOTE}([\w.%-]{{1,80}}=[^\n\"']+)", _I),
        ("COOKIE", "sid|sess|token|remember", rf"(?<![A-Za-z0-9])(?:{_SESSION})={_NOT}([^\s;\"'&]{{4,}})", _I),
        ("CONNECTION", "@", r"\b[a-z][a-z0-9+.-]{1,30}://[^\s/?#\"'<>`]{0,2000}@[^\s\"'<>`]+", _I),
        ("CONNECTION", "@", r"\b[a-z][a-z0-9+.-]{1,30}://[^\s/@:?#\"'<>`]{0,200}:(?!\d{1,5}(?:[/?#,\s\"'<>`]|$))[^\s\"'<>`]{0,2000}@[^\s\"'<>`]+", _I),
        ("CONNECTION", "@", rf"\b(?:{_SERVERS})(?:\+\w{{1,20}})?://[^\s\"'<>`]{{0,2000}}@[^\s\"'<>`]+", _I),
        ("CONNECTION", "://", rf"\b(?:{_SERVERS})(?:\+\w{{1,20}})?://[^\s/@:?#\"'<>`]{{1,200}}:((?!port\b|\d{{1,5}}\b)[^\s/@?#,:\"'<>`${{\[]{{3,200}})(?![^\s/?#\"'<>`]*@)", re.I),
        # A blank in a password, which its writer forgot to encode: up to five words, where the address is a database's.
        ("CONNECTION", "@", rf"\b(?:{_SERVERS})(?:\+\w{{1,20}})?://[^\s/@:?#\"'<>`]{{0,200}}:(?!\d{{1,5}}(?:[/?#,\s]|$))[^\s/@\"'<>`]{{1,200}}(?: [^\s/@\"'<>`]{{1,200}}){{1,5}}@[^\s\"'<>`]+", _I),
        ("CONNECTION", "@", r"(?<![:\w/])//[\w.%+-]{1,80}:[^\s/@\"'<>`]{1,200}@[\w.-]+", 0),
        ("CONNECTION", "@", r"(?<![\w.%+-])[\w.%+-]{1,80}:[^\s@/:\"'`]{1,200}@(?:tcp|unix|cloudsql)\([^\s)]{0,300}\)", 0),
        ("CONNECTION", "@", r"(?<![\w.%+-])[\w.%+-]{1,80}:([^\s@:/\"'`]{3,200})@[\w-]{1,100}(?:\.[\w-]{1,100}){0,6}:\d{2,5}\b", 0),
        # What a driver quotes of a URL that it could not take apart: from a wrong place on, or without its scheme.
        ("CONNECTION", "@", r"[\"'`]((?!@|(?:npm|workspace|patch|file|git|portal|link):)[^\s\"'`@]{0,200}@[A-Za-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}(?::\d{2,5})?/[\w%.?=&-]{1,200})[\"'`]", 0),
        ("CONNECTION", "@", r"[\"'`]((?!@|(?:npm|workspace|patch|file|git|portal|link):)[^\s\"'`@]{0,200}@[A-Za-z][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}:\d{2,5})[\"'`]", 0),
        ("CONNECTION", "@", r"\binvalid literal for int\(\) with base 10: [\"']([^\n\"'@]{0,200}@[^\n\"']{1,200})", 0),
        ("PASSWORD", "nonnumeric port:|port could not be cast to integer value as", r"\b(?:Port could not be cast to integer value as|nonnumeric port:) [\"']([^\n\"']{1,200})", 0),
        ("PASSWORD", "@", r"(?:\bhost name [\"']|\b(?:ENOTFOUND|EAI_AGAIN) |\blookup |\bresolve host:? [\"']?)([^\s\"'@]{1,100})@[\w.-]+", 0),
        ("CONNECTION", "@", r"\bjdbc:oracle:\w{2,10}:[^\s@\"']{1,200}@[^\s\"']+", _I),
        ("CONNECTION", "defaultendpointsprotocol=", r"\bDefaultEndpointsProtocol=[^\s\"']+", _I),
        ("CLOUD_KEY", "", _START + "(?:" + "|".join(_TOKENS) + ")", 0),
        # Twilio's account and the token beside it, which nothing else tells from a digest.
        ("CLOUD_KEY", "ac|sk", r"\b(?:SK|AC)[0-9a-f]{32}(?![0-9a-f])[^\n]{0,60}\n?[^\n]{0,40}?(?<![0-9a-fA-F-])([0-9a-f]{32})\b", 0),
        ("CLOUD_KEY", "ac|sk", r"(?<![0-9a-fA-F:-])([0-9a-f]{32})(?![0-9a-f])[^\n]{0,40}\n?[^\n]{0,60}?\b(?:SK|AC)[0-9a-f]{32}\b", 0),
        # by the name in front of it
        ("PASSWORD", "identified", r"(?<!revision )\bIDENTIFIED\s{1,8}(?:WITH\s{1,8}\w{1,40}\s{1,8})?(?:BY|AS)\s{1,8}(?:PASSWORD\s{1,8})?(?:[\"']([^\"'\n]+)|(?<= BY )(?-i:(?<=IDENTIFIED BY ))([^\s\"';]+))", _I),
        ("PASSWORD", "password", r"\bPASSWORD\s{1,8}(?:(?:FOR\s{1,8}\S{1,100}\s{0,8})?=\s{0,8})?N?'([^'\n]+)'", 0),
        ("PASSWORD", "pw|api|key|auth|pass|salt|creds|token|access|secret|license|private|credential", r"(?<!\S)-{1,2}(?:[A-Za-z0-9]{1,20}[-_.]){0,4}(?:pass(?:word|wd|phrase|code|in|out)?|pwd|pw|secret|token|api[-_]?key|access[-_]?key|secret[-_]?key|private[-_]?key|credentials?|creds|oauth2-bearer|salt|license(?:[-_]?key)?|auth(?:[-_]?token)?|key)(?:[-_]?value)?(?:[ \t]{1,20}|=)(?!-|none\b|id=)[\"']?([^\s\"']+)", _I),
        ("PASSWORD", "-", r"(?<!\S)(?:-u|-U|--user|--proxy-user|--userpwd)[\s=]{0,4}[\"']?(?!\d+:\d+(?![^\s\"']))([\w.@%+-]{0,100}:[^\s\"']+)", 0),
        ("PASSWORD", "ysql|ariadb", r"\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;&]{0,200}?\s-p[\"']?([^\s\"'|;&]+)", 0),
        # -u NAME -p VALUE, whatever the program; a number is a port.
        ("PASSWORD", "-p", r"(?<!\S)(?:-u|--user(?:name)?)[ =]\S{1,100}\s(?:[^\n|;&]{0,200}?\s)?-p[ =]?[\"']?(?![-/]|[\d.:]+(?:\s|$)|\d+:\d)([^\s\"'|;&]{3,})", 0),
        ("PASSWORD", "lftp|sqlplus|smbclient", r"\blftp\b[^\n|;&]{0,200}?\s-u\s{1,4}[^\s,]{1,60},([^\s\"']{3,})|\bsmbclient\b[^\n|;&]{0,200}?\s-U\s{1,4}[^\s%]{1,60}%([^\s\"']{3,})|\bsqlplus\s[^\n|;&]{0,80}?(?<=\s)[\w.-]{1,60}/([^\s@\"'/]{3,})@", 0),
        ("PASSWORD", "vault|::add-mask::", r"\bvault\s{1,4}kv\s{1,4}(?:put|patch)\s{1,4}\S{1,200}\s{1,4}(?:\S{1,60}=\S{0,200}\s{1,4}){0,8}?[\w.-]{1,60}=([^\s\"'@]{3,})|^::add-mask::(.+)$", re.M),
        ("PASSWORD", "login|passwd|secret|variables|cryptsetup", r"\b(?:gh|glab)\s{1,4}secret\s{1,4}set\b[^\n|;&]{0,200}?\s(?:--body[ =]|-b ?)[\"']?([^\s\"']{3,})|\b(?:fly|flyctl|supabase|heroku|railway|wrangler)\s{1,4}(?:secrets?|variables)\s{1,4}set\s{1,4}(?:--?\w{1,20}\s{1,4}){0,3}[\"']?\w{1,80}=([^\s\"']{3,})|\b(?:secret\s{1,4}put|cryptsetup|passwd|login)\b[^\n<]{0,200}<<<\s{0,4}[\"']?([^\s\"']{3,})", 0),
        ("PASSWORD", "curl|alias|supabase", r"\bmc\s{1,4}alias\s{1,4}set\s{1,4}\S{1,60}\s{1,4}\S{1,200}\s{1,4}\S{1,60}\s{1,4}([^\s\"']{3,})|\bsupabase\s[^\n|;&]{0,200}?\s-p\s{1,4}([^\s\"'-]\S{2,})|\bcurl\b[^\n|;]{0,200}?\s(?:-E|--cert)[ =][\"']?[^\s:\"']{1,200}:([^\s\"']{3,})", 0),
        ("PASSWORD", "user|wifi:|password", r"\bWIFI:[^\n]{0,100}?;P:([^;\n]{3,});|\b(?:insecure-)?password\s{1,4}(?<=insecure-password )([^\s\"']{3,})|^user\s{0,4}=\s{0,4}[\"'][^\s\"':]{1,80}:([^\s\"']{3,})[\"']", re.M),
        ("PASSWORD", "fill|type|url.create|create_engine_from", r"\b(?:URL\.create|create_engine_from)\(\s{0,9}(?:[\"'][^\"'\n]{0,80}[\"']\s{0,4},\s{0,4}){2}[\"']([^\"'\n]{3,})[\"']|\.(?:fill|type)\(\s{0,4}[\"'][^\"'\n]{0,80}(?:[Pp]assw|[Tt]oken|[Ss]ecret)[^\"'\n]{0,40}[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{3,})[\"']", 0),
        # What checkers of the environment say of a setting, and quote.
        ("PASSWORD", _NAMES, rf"\b[\w.]{{0,60}}(?:{_NAMED})[\"'`]?(?::? (?:[Ii]nvalid|must|should|length|has|is|with|does|fails|not)\b)[^\n\"'`]{{0,120}}[\"'`]([^\"'`\n]{{4,}})[\"'`]\s{{0,4}}$", re.M | _I),
        # A setting by two words: npm config set NAME VALUE, poetry config http-basic.ACME USER VALUE.
        ("PASSWORD", "env|var|config|option|secret", r"\b(?:config|configure|secrets?|env|vars?|variables?|option)(?::set|\s{1,4}set|\s{1,4}add)?\s{1,4}(?:-{1,2}\w[\w-]{0,30}\s{1,4}){0,3}[^\s=]{0,120}(?:auth_?token|(?i:authtoken)|_auth|_password|password|[a-z]-token(?:\.\w{1,40})?|\.token|_token|_TOKEN|_SECRET|_KEY|secret_?key|api_?key)\s{1,4}(?!set\b|to\b|in\b|is\b|from\b|of\b|not\b|for\b|and\b)[\"']?([^\s\"'=|]{4,})", 0),
        ("PASSWORD", "ident|http-basic.", r"\bconfig\s{1,4}http-basic\.\S{1,60}\s{1,4}\S{1,100}\s{1,4}[\"']?([^\s\"']{3,})|auth-?ident[\"']?\s{0,4}[:=]\s{0,4}[\"']?[^\s\"':]{1,80}:([^\s\"']{3,})", _I),
        ("TOKEN", "=", r"[?&](?:app_?id|app_?key|key|auth|code|k)=([0-9a-f]{20,}|[0-9A-F]{20,})\b", 0),
        ("PASSWORD", "7z|zip|snmp|login|mongo|sshpass|ipmitool|registry|redis-cli|smbclient|ldapsearch|mosquitto_", r"\b(?:sshpass|redis-cli|mosquitto_(?:pub|sub)|(?:docker|podman|buildah|skopeo|az|oc|cf)\s{1,4}login|helm\s{1,4}registry\s{1,4}login|mongo(?:sh|dump)?|ldapsearch|smbclient|7z|unzip|zip|ipmitool|snmp(?:walk|get|set|bulkwalk))\b[^\n|;&]{0,200}?\s-[apPweAX]\s{0,8}[\"']?((?![-/])[^\s\"'|;&]{3,})", 0),
        ("PASSWORD", "xh|http", r"\b(?:https?|xh)\s[^\n|;&]{0,200}?(?<=\s)(?:-a|--auth)[ =]{1,4}[\"']?([\w.@%+-]{1,100}:[^\s\"']+)", 0),
        ("PASSWORD", "user", r"\buser\s{1,4}[\w.-]{1,60}\s{1,4}(?:on|off|reset\w{0,10})\s[^\n]{0,100}?(?<=\s)>([^\s\"']{3,})", 0),  # redis' users.acl
        ("PASSWORD", "htpasswd", r"\bhtpasswd\s{1,4}-\w{0,8}b\w{0,8}\s{1,4}\S{1,200}\s{1,4}(?:\S{1,100}\s{1,4})?(\S+)$", re.M),
        ("PASSWORD", "pass:", r"\bpass:([^\s\"']{3,})", 0),
        ("PASSWORD", "echo|printf", r"\b(?:echo|printf)\s{1,4}[\"']?([^\s\"'|]{1,200})[\"']?\s{1,4}\|\s{0,4}(?:(?:sudo|docker login|passwd|chpasswd|base64)\b|[^\n|]{1,200}?\s(?:--password-stdin|--with-token|--stdin|-stdin|secret\s{1,4}put)\b)", 0),
        ("PASSWORD", _NAMES, rf"{_NO_ERROR}(?:{_STRONG}|{_ENDING}){_SUFFIX}(?:{_COMPARED}|{_SET}(?:(?:\"\"\"|''')\s{{0,20}}([^\"']{{3,2000}})|{_NOT}{_VALUE})|{_HELD})", _I),
        ("SECRET", "licen", rf"\bLICEN[CS]E{_SET}{_NOT}(?!{_SPDX_NAMES}){_VALUE}", 0),
        ("PASSWORD", "pass|client|phrase", rf"^[ \t]{{0,60}}(?:- )?[\w.-]{{0,60}}{_NO_ERROR}(?:pass[_-]?word|passwd|pass[_-]?phrase|client[_-]?secret)[\"']?:[ \t]{{1,20}}{_NOT}(?![\"'])([^\n#]{{3,}})", _I | re.M),
        ("PASSWORD", "token|secret|api key|passcode|password|passwort|access key|passphrase", r"\b(?:password|passphrase|passwort|passcode|secret|token|api key|access key)\s{1,4}(?:is|was|are|(?:is |was )?set to|changed to|reset to)\s{1,4}[\"'`:]{0,2}\s{0,4}(?!not\b|now\b|too\b|wrong\b|invalid\b|missing\b|required\b|expired\b|empty\b|set\b|in\b|an?\b|the\b)([^\s\"'`]{4,})", _I),
        ("PASSWORD", "pass", rf"\b(?:password|pass ?phrase|passcode)(?:\s{{1,4}}(?:for|of)\s{{1,4}}(?:the\s|user\s|account\s){{0,2}}[\w.@-]{{1,60}})?\s{{1,4}}is\s{{1,4}}[\"']?({_MIXED}[^\s\"']{{4,}})", _I),
        ("PASSWORD", "key|pass|token|secret", rf"(?-i:[A-Z0-9]{{1,40}}_(?:[A-Z0-9]{{1,20}}_){{0,6}}(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|KEY))['\"`]?\s{{1,4}}(?:(?:is|was)(?: set to)?\s{{1,4}}|set to\s{{1,4}})?[\"'`(]{{0,2}}({_MIXED}[^\s\"'`<>(),;]{{8,}})", _I),
        ("PASSWORD", "otp", r"\b(?:your |the )?otp(?: code)?(?:\s{0,4}[:=]|\s{1,4}is)\s{0,4}[\"']?(\d{4,8})(?!\w)", _I),
        ("PASSWORD", "rabbitmqctl", r"\brabbitmqctl\s{1,4}(?:add_user|change_password|authenticate_user)\s{1,4}\S{1,60}\s{1,4}[\"']?([^\s\"']+)", 0),
        ("PASSWORD", "variable", rf"\bvariable\s{{1,4}}\"[\w-]{{0,60}}(?:{_STRONG})[\w-]{{0,20}}\"\s{{0,9}}\{{[^}}]{{0,300}}?\bdefault\s{{0,20}}=\s{{0,20}}\"([^\"\n]+)", _I),
        ("PASSWORD", "secret", rf"\b(?:shared|radius|hmac|signing|webhook|client)\s{{1,4}}secret\s{{1,4}}({_MIXED}[^\s\"']{{8,}})", _I),
        ("PASSWORD", "code|password", r"\b(?:recovery|backup|verification|one[- ]time|otp|2fa|mfa)[ _-]?(?:code|password)s?[\"']?\s{0,4}(?:[:=]|is)\s{0,4}[\"']?((?=[\w-]{0,40}\d)[\w-]{5,})", _I),
        ("SECRET", "seed|secret|mnemonic|recovery", r"\b(?:seed|recovery|mnemonic|secret)(?:[ _-]?(?:phrase|words))?[\"']?\s{0,4}[:=]\s{0,4}[\"']?((?:[a-z]{3,8} ){11,23}[a-z]{3,8})\b", _I),
        ("PASSWORD", "login|plain", r"\bAUTH\s{1,4}(?:PLAIN|LOGIN)\s{1,4}([A-Za-z0-9+/]{8,}={0,2})", 0),
        ("PASSWORD", "user|chpasswd|ssh-keygen", r"\bchpasswd\s{0,4}<<<\s{0,4}[\"']?[\w.-]{1,60}:([^\s\"']+)|\b(?:useradd|usermod)\b[^\n|;&]{0,200}?\s-p\s{1,4}([^\s-]\S*)|\bssh-keygen\b[^\n|;&]{0,200}?\s-N\s{1,4}[\"']?([^\s\"'-][^\s\"']*)", 0),
        ("PASSWORD", "/user:|setuser|community", r"\bnet\s{1,4}use\b[^\n]{0,200}?/user:\S{1,60}\s{1,4}(\S+)|\bSETUSER\s[^\n]{0,200}?\s>(\S+)|\bsnmp(?:-server)?\s{1,4}community\s{1,4}([^\s\"']{3,})", _I),
        ("PASSWORD", "pass", rf"\b(?:password|passphrase|passwort|passcode)\s{{1,4}}(?:is|was):\s{{0,4}}[\"']?{_NOT}([^\s\"']{{4,}})", _I),
        ("PASSWORD", "db|my|pg|api|app|ftp|sql|ssh|bind|ldap|mail|root|smtp|user|admin|redis", rf"\b(?:db|sql|my|mysql|pg|user|root|admin|smtp|mail|ftp|ssh|app|api|redis|bind|ldap)(?:pass|pw){_SET}{_NOT}{_VALUE}", _I),
        ("PASSWORD", "bindpw|rootpw|bindpass|security", rf"\b(?:bindpw|bindpass|rootpw|security[_-]?code){_SET}{_NOT}{_VALUE}|\b(?:bindpw|rootpw)\s{{1,8}}[\"']?({_MIXED}[^\s\"']{{4,}})", _I),
        ("PASSWORD", "wd|assword", r"(?:;\s{0,4}|\b(?:uid|user(?: id)?)=[^;\n]{1,80};\s{0,4})(?:pwd|password)\s{0,4}=\s{0,4}([^\s;\"']{3,})", _I),
        ("PASSWORD", "pwd", r"(?<![\w-])pwd\s{0,4}=\s{0,4}([^\s;\"'/.]{3,});", _I),
        ("SECRET", "pin", r"(?<![\w.-])pin[\"']?\s{0,4}[:=]\s{0,4}[\"']?(\d{4,8})(?!\w)", _I),
        ("PASSWORD", "key|token|secret|password", r"(?:secret|password|token|key)[\"']?:[ \t]{1,9}!\w[\w-]{0,40}[ \t]{1,9}[\"']?([^\s\"']{4,})", _I),
        ("PASSWORD", "password", r"\blogin\s{1,8}\S{1,100}\s{1,8}(?:account\s{1,8}\S{1,100}\s{1,8})?password\s{1,8}(\S+)", _I),
        ("PASSWORD", ":", r"^[^\s:]{1,100}:(?:\d{2,5}|\*):[^\s:]{1,60}:[^\s:]{1,60}:(\S{3,})$", re.M),
        ("PASSWORD", "pass|token|phrase|secret", r"^[ \t]{0,60}(?:- )?[\w.-]{0,60}(?:pass[_-]?word|passwd|pass[_-]?phrase|secret|token)[\"']?:[ \t]{0,20}[|>][-+]?[ \t]{0,20}\n[ \t]{1,60}([^\n]+)", _I | re.M),
        ("PASSWORD", "pass", r"\b(?:password|passphrase)\s{1,8}for\s{1,8}(?:user\s{1,8})?\S{1,60}?\s{0,8}:\s{0,8}([^\s\"']{3,})", _I),
        ("PASSWORD", "token|secret|api key|password|passphrase", r"\bwith\s{1,8}(?:the\s{1,8})?(?:password|passphrase|token|secret|api key)\s{1,8}[\"']?(?!authentication\b|login\b|was\b|is\b|from\b|in\b|of\b|for\b|and\b|not\b)([^\s\"',;]{4,})", _I),
        ("PASSWORD", "credential", r"\bcredentials?:\s{0,8}[^\s/]{1,60}\s{0,8}/\s{0,8}(\S{3,})", _I),
        ("PASSWORD", "openssl", r"\bopenssl\b[^\n|;&]{0,200}?\s-k\s{1,8}([^\s-]\S*)", 0),
        ("PASSWORD", "pass", r"(?<!\S)--?(?:store|key|trust|src|dest)(?:store)?pass(?:word)?[ \t=]{1,8}([^\s-]\S*)", _I),
        ("TOKEN", "key|token", r"\b(?:token|(?:api[- ]?|with )key)\s{1,4}[\"']?((?=\S{0,60}\d)(?=\S{0,60}[A-Za-z])[\w.~+/=-]{8,})", _I),
        ("CONNECTION", "@", r"(?<![\w/.-])[\w.-]{1,60}/[^\s/@:\"']{3,60}@(?!sha\d)[\w.-]{1,100}:\d{2,5}(?!\d)", 0),
        ("SECRET", _NAMES, rf"<(?:[\w.-]{{1,40}}:)?[\w.-]{{0,60}}{_NAMED}>\s{{0,200}}([^<\s][^<\n]{{2,}}?)\s{{0,200}}<", _I),
        ("SECRET", "value", rf"\b(?:name|key|id|header){_QUOTE}\s{{0,9}}[=:]\s{{0,9}}\\{{0,4}}[\"'][\w.-]{{0,60}}(?:{_NAMED}|cookie|{NO_DATABASE_KEY}(?<!gpg)[_-]key)\\{{0,4}}[\"']\s{{0,9}},?\s{{0,9}}{_QUOTE}value{_QUOTE}\s{{0,9}}[=:]\s{{0,9}}{_VALUE}", _I),
        ("SECRET", "define(", rf"\bdefine\(\s{{0,4}}[\"'][\w.-]{{0,60}}(?:{_NAMED}|_key|_salt)[\"']\s{{0,4}},\s{{0,4}}(?:'([^'\n]+)'|\"([^\"\n]+)\")", _I),
        ("SECRET", "$|sha|argon2|bcrypt|pbkdf2|scrypt", r"\$(?:2[abxy]?|argon2(?:id?|d)|scrypt|pbkdf2[\w-]{0,20})\$[\w./+=,$-]{20,}|\$(?:1|5|6|7|y|gy|apr1)\$[^\s$:]{1,40}\$[./A-Za-z0-9$]{20,}|\b(?:pbkdf2|bcrypt|scrypt|argon2)[_\w]{0,20}\$[\w./+=,$-]{20,}|\{S?SHA(?:256|512)?\}[A-Za-z0-9+/]{20,}={0,2}", 0),
        ("PASSWORD", "密码|密碼|비밀번호|パスワード", r"(?:パスワード|密码|密碼|비밀번호)\s{0,4}(?:は|是|为|為|는|은)\s{0,4}[:：]?\s{0,4}([^\s\"'。]{4,})", 0),
        ("PASSWORD", "psk", r"\bPSK\s{1,4}[\"']([^\"'\n]{3,})", 0),
        ("PASSWORD", "bcrypt.|password", r"(?:(?:set|hash|check|verify|make)_?password|bcrypt\.\w{2,30})\(\s{0,4}b?[\"']([^\"'\n]{3,})", _I),
        ("PASSWORD", "token|secret|api key|password|passphrase", rf"(?<!\S)[\"'`]?({_MIXED}[^\s\"'`]{{6,}})[\"'`]?\s{{1,4}}as\s{{1,4}}(?:the\s|your\s|its\s|a\s)?(?:password|passphrase|token|secret|api key)\b", _I),
        ("PASSWORD", _NAMES, rf"\|\s{{0,40}}[\w.-]{{0,40}}(?:{_STRONG})\s{{0,60}}\|\s{{0,60}}({_MIXED}[^\s|]{{4,}})", _I),
        ("PASSWORD", _NAMES, rf"(?<=[A-Za-z0-9])[_-](?:{_STRONG})\s{{1,4}}[\"']?({_MIXED}[^\s\"'<>]{{16,}})", _I),
        ("PASSWORD", "convertto-securestring", r"\bConvertTo-SecureString\s{1,4}(?:-String\s{1,4})?[\"']([^\"'\n]+)", _I),
        ("PASSWORD", "pass", rf"^[ \t]{{0,60}}(?:- )?[\w.-]{{0,60}}(?:pass[_-]?words?|passwd|pass[_-]?phrases?)[\"']?:[ \t]{{0,20}}\n[ \t]{{1,60}}(?:{_KEY}:)?[ \t]{{0,20}}{_NOT}(?![\w.-]{{1,60}}:(?:\s|$)|(?:return|raise|yield|if|for|while|with|assert|pass|await|else|try)\b|[\w.]{{1,80}}(?:\(| =))([^\s#][^\n]{{2,}}(?:\n[ \t]{{1,60}}- [^\n]+){{0,40}})$", _I | re.M),
        ("PASSWORD", _NAMES, rf"^[ \t]{{0,60}}(?:- )?[\w.-]{{0,60}}(?:{_NAMED})s?[\"']?:[ \t]{{0,20}}\n[ \t]{{1,60}}(?:- |{_KEY}:)?[ \t]{{0,20}}[\"']?({_MIXED}[^\s:\"'#]{{8,}})[\"']?[ \t]{{0,9}}$", _I | re.M),
        ("PASSWORD", "name=", rf"\bname=[\"'][\w.-]{{0,60}}{_NAMED}[\"'](?:\r?\n[\w-]{{1,40}}:[^\n]{{0,200}}){{0,3}}(?:\r?\n){{2}}([^\r\n]+)", _I),
        ("PASSWORD", "\"auth\"", r"\"AUTH\"(?:\s\"[^\"\n]{1,60}\")?\s\"([^\"\n]+)\"", _I),
        ("PASSWORD", "auth|login", r"\.(?:auth|login|authenticate)\(\s{0,4}[\"'][^\"'\n]{1,80}[\"']\s{0,4},\s{0,4}[\"']([^\"'\n]{3,})", _I),
        # headers as programs print them, in lists, tuples and maps
        ("TOKEN", "hmac|signature", rf"\b(?:[a-z0-9]{{1,20}}[-_]){{1,4}}(?:signature|hmac)(?:[-_](?:v?\d{{1,3}}|sha-?\d{{1,3}})){{0,2}}{_SET}{_QUOTE}{_NOT}([^\s\"']{{16,}})", _I),
        ("TOKEN", "authorization", rf"authorization(?: header)?{_QUOTE}\s{{0,9}}(?::|=|=>|,)?\s{{0,9}}(?:\[\]string)?[\[({{]{{0,2}}\s{{0,9}}b?{_QUOTE}(?:bearer|basic|token|digest|apikey|negotiate)\s{{1,8}}([^\s\"'\])}}]{{4,}})", _I),
        ("COOKIE", "cookie", rf"(?<![a-z])(?:set[-_])?cookies?{_QUOTE}\s{{0,9}}[:=,]\s{{0,9}}(?:\[\]string)?[\[({{]{{0,2}}\s{{0,9}}b?{_QUOTE}([\w.%-]{{1,80}}=[^\n\"'\]}}]+)", _I),
        ("COOKIE", "cookies", rf"\bcookies{_QUOTE}\s{{0,9}}[:=]\s{{0,9}}\{{([^}}\n]{{3,}})\}}", _I),
        ("COOKIE", "-", r"(?<!\S)(?:-b|--cookie)[ =]{1,4}[\"']?([\w.%-]{1,80}=[^\s\"']+)", 0),
        ("COOKIE", "<cookie ", r"<Cookie ([\w.%-]{1,80}=\S+) for ", 0),
        ("COOKIE", "cookie{", r"\bCookie\{[^}\n]{0,200}?Value:\s?\"([^\"\n]+)\"", 0),
        # by a word in front of it, where no sign of assignment stands between
        ("PASSWORD", "pass", rf"(?<![A-Za-z/])(?:password|passwd|passphrase|passcode)\s{{1,8}}[\[(]?[\"']?({_MIXED}[^\s\"',;()\[\]<>=:]{{6,}})", _I),
        ("PASSWORD", "masterauth|requirepass", r"\b(?:requirepass|masterauth)[\s=]{1,8}[\"']?([^\s\"']{4,})", 0),
        ("PASSWORD", "auth", rf"\bAUTH\s{{1,2}}({_MIXED}\S{{6,}})", 0),
        ("PASSWORD", "arg|env|set", r"\b(?:setenv|setx|set\s{1,4}-\w{1,4}|ENV|ARG)\s{1,4}\w{0,60}(?-i:[A-Z0-9_]{0,60}(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|KEY))\s{1,4}[\"']?([^\s\"'=]{4,})", 0),
        ("PASSWORD", "credential", r"\bcredentials?\s{1,4}[\w.@-]{1,60}:([^\s:/\"']{4,})", _I),
        ("PASSWORD", "--from-literal", r"--from-literal[= ][\"']?[\w.-]{1,253}=([^\s\"']+)", 0),
        ("EMAIL", "@", r"(?<![\w.+%-])(?!git@)[\w.+%-]{1,64}@(?!\d{1,5}\.\d{1,5}\.)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", 0),
    )
)  # fmt: skip
# A password by a short name: a word counts where it is quoted, or where nothing but a sign of assignment stands between.
_SHORT = re.compile(
    rf"{_BEFORE_WEAK}(?i:pass|pwd|psw|pw)(?:(?:{_QUOTE}[ \t]{{0,20}}(?:=|:|=>)[ \t]{{0,20}})(?:\\{{0,4}}\"([^\"\s\\]{{3,}})\\{{0,4}}\"|'([^'\s]{{3,}})')"
    r"|=(?![\"'])([^\s\"'`<>,;&]{4,})|(?<=\bpass) = ([^\s\"'`<>(){}]{4,})$)",
    re.MULTILINE,
)
_WEAK_SET = re.compile(rf"{_BEFORE_WEAK}(?i:{_WEAK}){_SET}{_NOT}{_VALUE}")
# In brackets, or after a comma: beside a name in code these may hold a word as well.
_LOOSE_SET = re.compile(
    rf"{_NAMED}(?:{_QUOTE}\s{{0,9}}(?:(?::|=|=>)?\s{{0,9}}(?:\[\]string)?(?:\{{(?!\{{)|[\[(]{{1,2}})|,)\s{{0,9}}(?:b|<<)?{_QUOTE}|\s{{1,4}}[\[(])"
    r"((?:[^\s\"'\[\](){},;:<>|\\]){4,})",
    _I,
)
# Whom everybody logs in as, and what somebody has hidden already.
_NOBODY = re.compile(
    r"[a-z][a-z0-9+.-]{1,30}://(?:(?:git|hg|\*+)|[^\s/@:]{0,80}:\*+)@[^\s@]*(?=\s|$|[\"'`<>])", re.IGNORECASE
)
# A variable by its name, and the place for one in a template: `$` before other words may begin a password.
_VARIABLE = re.compile(
    r"(?:(?i:bearer|basic|token|digest|apikey)\s{1,8})?(?:"
    rf"{VARIABLE}|\$\{{[A-Z_]+|\{{[a-z_]+|\$\(.*|\$\d|%[sdv]|\*+|<[A-Za-z][\w. -]*>|\{{\{{?[^{{}}]*\}}\}}?|(?i:undefined|null|none)"
    r")[\"'`,;)}]*|(?i:bearer|basic|digest|negotiate)[,;]?"
)
_NO_PASSWORD = re.compile(r"[/.~%{\[(*].*|\$[{(].*|\d+|[A-Za-z]:\\.*|true|false|null|none|\w+\(.*|-.*", re.IGNORECASE)
_COLUMN = re.compile(
    r"[Pp][Aa][Ss][Ss](?:[Ww]|[Pp][Hh])|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn]|[Aa][Pp][Ii][_-]?[Kk][Ee][Yy]"
)
_COLUMN_NAME = re.compile(r"[A-Za-z][\w .-]{0,40}|")
_RULER = re.compile(r"[-+=| ]{3,}")
_SESSION_ID = re.compile(rf"session[_-]?id{_SET}{_NOT}{_VALUE}", _I)
# What these find is a secret only where it is more than a word.
_WEAK_PATTERNS: tuple[Row, ...] = (
    ("SECRET", frozenset(), _WEAK_SET),
    ("SECRET", _words(_NAMES), _LOOSE_SET),
    ("SECRET", _words("session"), _SESSION_ID),
)
ROWS = (*PATTERNS, *_WEAK_PATTERNS)
_WORDS = frozenset(word for _, words, _ in ROWS for word in words)
_USER_AND_PASSWORD = re.compile(
    r"(?:\bbasic\s{1,8}|\bauth\\{0,4}[\"']\s{0,9}:\s{0,9}\\{0,4}[\"'])([A-Za-z0-9+/_-]{8,}={0,2})", _I
)
_BASE64 = re.compile(r"(?<![\w+/.-])[A-Za-z0-9+/_-]{20,}={0,2}(?![\w+/=])")
_ISSUER = re.compile(r"(?:[a-z][a-z0-9]{1,11}_){1,3}(?=[A-Za-z0-9]{24,}$)")
_NUMBERED = re.compile(r"c[a-z0-9]{24}|[0-7][0-9A-HJKMNP-TV-Z]{25}")  # a CUID and a ULID name records, and open nothing
_INTEGRITY = re.compile(r"sha(?:1-[\w+/]{27}|256-[\w+/]{43}|384-[\w+/]{64}|512-[\w+/]{86})")
_RECORD = re.compile(r"(?:req|resp|msg|run|call|toolu|chatcmpl|thread)[_-][A-Za-z0-9]{20,48}")
_OBJECT = re.compile(r"[A-Z][A-Za-z]{2,40}/[a-z0-9][a-z0-9.-]*")  # ReplicaSet/backend-5m2j5kb7gp
_SPDX = re.compile(_SPDX_NAMES, re.IGNORECASE)
_NAME = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?:scram-)?sha-?\d{1,3}(?:-plus)?|(?:id|src|source|target|env|type)=[\w./-]*|[a-z]+(?:[-_.][a-z]+)*|[A-Za-z]+|[a-z0-9]+(?:[.-][a-z0-9]+)*/[\w.-]+|/\S*|\d{1,5}(?:\.\d+)*\w{0,2}"
)


def spans(text: str) -> Iterator[Span]:
    """Yield where something in the text has the shape of a secret, with its kind; spans may overlap."""
    there = words_in(text)
    for kind, pattern in _likely(PATTERNS, there):
        for match in pattern.finditer(text):
            start, end = match.span(_group(match))
            if kind == "CONNECTION" and _NOBODY.match(text, start):
                continue
            if end > start and not (kind in ("PASSWORD", "TOKEN") and _is_reference(text[start:end])):
                yield start, end, kind
    for kind, pattern in _likely(_WEAK_PATTERNS, there):
        for match in pattern.finditer(text):
            start, end = match.span(_group(match))
            if _is_weak_secret(text[start:end]):
                yield start, end, kind
    for match in _SHORT.finditer(text):
        start, end = match.span(_group(match))
        if not _NO_PASSWORD.fullmatch(text[start:end]) and not _is_reference(text[start:end]):
            yield start, end, "PASSWORD"
    for match in _USER_AND_PASSWORD.finditer(text):
        if ":" in _plain(match[1]):
            yield *match.span(1), "TOKEN"
    for match in _BASE64.finditer(text):
        if looks_random(match[0]) and not _is_digest(text, match):
            yield *match.span(), "RANDOM"
    yield from _columns(text)
    for start, end, plain in decoded(text):
        likely = _likely(PATTERNS, words_in(plain))
        if any(pattern.search(plain) for kind, pattern in likely if kind != "EMAIL"):
            yield start, end, "RANDOM"


def words_in(text: str) -> set[str]:
    """Return the words of the patterns that a text has, in whichever case."""
    folded = text.casefold()
    return {word for word in _WORDS if word in folded}


def _likely(table: Iterable[Row], there: set[str]) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the patterns that may match where these words are: most texts have few, and a word is found at once."""
    return ((kind, pattern) for kind, words, pattern in table if not words or not words.isdisjoint(there))


def _is_digest(text: str, match: re.Match[str]) -> bool:
    """Return whether a word is a digest or an id by what stands before it: a package's, a key's, a request's."""
    word = match[0].rstrip("=")
    return bool(
        _INTEGRITY.fullmatch(word)
        or _RECORD.fullmatch(word)
        or (len(word) == 43 and text.endswith("SHA256:", 0, match.start()))
    )


def _columns(text: str) -> Iterator[Span]:
    """Yield what stands below the head of a column of passwords, in a table of a database or a file."""
    done = 0
    for word in _COLUMN.finditer(text):
        if word.start() < done:
            continue
        start, done = text.rfind("\n", 0, word.start()) + 1, _end_of_line(text, word.end())
        head = text[start:done]
        sign = next((sign for sign in "|\t;," if sign in head), "")
        names = [name.strip(' "') for name in head.split(sign)] if sign else []
        if not names or not all(_COLUMN_NAME.fullmatch(name) and (name or sign == "|") for name in names):
            continue
        hidden = [number for number, name in enumerate(names) if _COLUMN.search(name)]
        while done < len(text):
            start, done = done + 1, _end_of_line(text, done + 1)
            fields = text[start:done].split(sign)
            if len(fields) == len(names):
                yield from _fields(fields, hidden, start)
            elif not _RULER.fullmatch(text, start, done):
                break


def _end_of_line(text: str, position: int) -> int:
    found = text.find("\n", position)
    return found if found >= 0 else len(text)


def _fields(fields: list[str], hidden: list[int], position: int) -> Iterator[Span]:
    for number, field in enumerate(fields):
        value = field.strip(" \"'\r")
        if number in hidden and len(value) >= 3 and not _is_reference(value):
            yield position + field.index(value), position + field.index(value) + len(value), "PASSWORD"
        position += len(field) + 1


def decoded(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where base64 stands that holds a text, and that text; several times over where it holds base64 again."""
    for match in _BASE64.finditer(text):
        plain = _plain(match[0])
        for _ in range(DEEPEST):
            if not plain:
                break
            yield *match.span(), plain
            inner = _BASE64.search(plain)
            plain = _plain(inner[0]) if inner else ""


def _group(match: re.Match[str]) -> int:
    return next((number for number, value in enumerate(match.groups(), 1) if value), 0)


def _is_reference(value: str) -> bool:
    """Return whether a value only says where a secret is: a variable's name, a path, a template, a type."""
    return bool(
        re.fullmatch(
            # a call in source text, whose argument is judged by itself; a type with its check
            r"[A-Za-z_$][\w$]*(?:\.[\w$]+)*[(\[]|(?:str|SecretStr|string|Optional\[str\]) = \w+\([^\"']*\)|[A-Z]\w*\(\w+=[^\"']*\)|\$\{[\w.]+\}[`\"'}) ]*|"
            r"(?:VAR)?CHAR|TEXT|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+[,;)]?|\{\{.*|%\w+|os\.\S+|process\.env\S*|\d{1,4}[,;)]?",
            value,
        )
        or _VARIABLE.fullmatch(value)
        or re.fullmatch(
            r"(?:str|string|bytes|int|bool|yes|no|expired|authentication|wrong|incorrect)[,;.)]?", value, _I
        )
    )


def _is_weak_secret(value: str) -> bool:
    """Return whether the value of a name such as `pass`, `salt` or `key` is more than a word, a path or a
    licence's name.
    """
    if _is_reference(value):
        return False
    value = value.rstrip(",;:)}]")
    return len(value) >= 4 and not _SPDX.match(value) and not _NAME.fullmatch(value)


def looks_random(word: str) -> bool:
    """Return whether a run of letters and digits was drawn rather than written: all classes, and changing often.

    Written names change between small letters, capitals and digits about once in four, drawn ones twice in three.
    Letters of one case with digits, in one run of 24 and more, are drawn where they change nearly as often, also behind
    the name of whoever gave them out (abc_live_…); hexadecimal digests and UUIDs are kept: a diagnosis needs them.
    """
    word = _ISSUER.sub("", word.rstrip("="))
    kinds = [0 if char.islower() else 1 if char.isupper() else 2 for char in word if char.isalnum()]
    changes = sum(one != other for one, other in itertools.pairwise(kinds)) / max(1, len(kinds) - 1)
    if len(set(kinds)) == 3:
        return len(kinds) >= 20 and changes >= 0.4 and not _OBJECT.fullmatch(word)
    drawn = len(word) >= 24 and word.isalnum() and len(set(kinds)) == 2 and 2 in kinds and changes >= 0.22
    return drawn and bool(set(word) - set(string.hexdigits)) and not _NUMBERED.fullmatch(word)


def _plain(word: str) -> str:
    """Return the text that base64 holds; nothing where it holds something else."""
    try:
        data = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_" if {"-", "_"} & set(word) else None)
        text = data.decode("utf-8")
    except ValueError:
        return ""
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else ""
