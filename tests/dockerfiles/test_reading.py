"""What a Dockerfile declares is read as BuildKit reads it."""

import pytest

from scripts.dockerfiles.reading import declared, mounted_secrets, unknown_arguments


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ARG A\nFROM scratch\nARG B=1", {"A", "B"}),
        ("arg a=b c='d e' f=\"g h\" i=j\\ k l", {"a", "c", "f", "i", "l"}),
        ("ARG A=1 \\\n  B=2 \\\n# comment\n  C", {"A", "B", "C"}),
        ("# escape=`\nARG A `\n B", {"A", "B"}),
        ("\ufeffARG A\r\nARG B=${A}-x\r\n", {"A", "B"}),
        ("# ARG A\nRUN echo ARG B\nENV ARG=C", set()),
        ("  ARG\tA", {"A"}),
    ],
)
def test_arguments(text: str, names: set[str]) -> None:
    assert declared(text) == names


def test_arguments_that_need_no_declaration() -> None:
    assert unknown_arguments("ARG A", {"A", "HTTP_PROXY", "no_proxy", "BUILDKIT_INLINE_CACHE", "B"}) == ["B"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RUN --mount=type=secret,id=npm,target=/root/.npmrc npm ci", {"npm"}),
        ("RUN --mount=type=cache,target=/c \\\n --mount=type=secret,target=/run/secrets/pip x", {"pip"}),
        ("run --mount=id=a,type=secret,env=A b --mount=type=secret,id=c", {"a", "c"}),
        ("# RUN --mount=type=secret,id=x y\nRUN --mount=type=ssh z", set()),
    ],
)
def test_secret_mounts(text: str, names: set[str]) -> None:
    assert mounted_secrets(text) == names
