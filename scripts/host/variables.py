"""The variables that a program gets which is started here: this one's own, less those that lead it astray.

Programs are told by arguments where to work and what to do. Many of them take the same from variables as well, which a
person has set for something else, or which git sets for its hooks; some of those even win over the arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# By whose they are: what stands here would send the program to another cluster, repository, database or engine, or has
# it keep its records, or answer, in another way than is read here.
ASTRAY = re.compile(
    "|".join(
        (
            r"GIT_(?:DIR|WORK_TREE|IMPLICIT_WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES)",
            r"GIT_(?:COMMON_DIR|PREFIX|NAMESPACE|CONFIG|GRAFT_FILE|SHALLOW_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE)",
            r"HELM_(?:KUBE\w+|NAMESPACE|DRIVER|DRIVER_SQL_CONNECTION_STRING|DEBUG|MAX_HISTORY)",
            r"KUBECTL_(?:EXTERNAL_DIFF|APPLYSET)",
            # A builder of its own keeps what it builds to itself; the others change the image behind the tag's back.
            r"BUILDX_(?:BUILDER|GIT_LABELS|METADATA_\w+|NO_DEFAULT_\w+)|SOURCE_DATE_EPOCH",
            r"PG(?:SERVICE|SERVICEFILE|HOSTADDR|OPTIONS|TARGETSESSIONATTRS)|PSQLRC",
            r"LANGUAGE|FORCE_COLOR|CLICOLOR_FORCE",
        )
    )
)
# The words of programs are read in English and without pictures; what a person prefers kubectl to do is not asked here.
SET = {"LC_ALL": "C.UTF-8", "MINIKUBE_IN_STYLE": "false", "KUBERC": "off", "KUBECTL_KUBERC": "false"}

# A program of Go that ends soon may leave its memory untidied for longer: helm and kubectl need a quarter less CPU so.
SHORT_LIVED = {"GOGC": "400"}


def for_child(own: Mapping[str, str], more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a program gets of this one's `own` variables, and `more`, which is given to it on purpose."""
    return SHORT_LIVED | for_daemon(own, more)


def for_daemon(own: Mapping[str, str], more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a program gets that is to run on when this one has ended."""
    return for_person(own) | SET | dict(more or {})


def for_person(own: Mapping[str, str]) -> dict[str, str]:
    """Return what a program gets that speaks with the person at the terminal, in the words that are preferred there."""
    lost = astray(own)
    return {name: value for name, value in own.items() if name not in lost}


def astray(names: Iterable[str]) -> set[str]:
    """Return those variables that no program gets."""
    return {name for name in names if ASTRAY.fullmatch(name)}
