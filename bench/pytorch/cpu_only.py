"""Lets the PyTorch wheel from PyPI, which is linked against 3 GB of CUDA libraries, run on a CPU without them.

Each CUDA library the wheel names is replaced by a tiny one, next to PyTorch's own, whose every function returns
"no device". Needs gcc and binutils. Run it with the virtual environment's Python: `python cpu_only.py`.
"""

import collections
import pathlib
import re
import subprocess
import sysconfig

CUDA_ERROR_NO_DEVICE = 100
CUDA_LIBRARY = re.compile(r"NEEDED.*\[(lib(?:cu|nv|nccl)\w*\.so\.\d+)\]")
CUDA_FUNCTION = re.compile(r"^(?:cu[A-Z]|cu[a-z]+[A-Z_]|nccl|nvshmem|nvrtc|_+cuda)")


def output(*command: object) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def undefined_symbols(library: pathlib.Path) -> set[tuple[str, str]]:
    """The CUDA functions a library wants, each with the version it asks for ('' for none)."""
    names = [line.split()[-1] for line in output("nm", "-D", "--undefined-only", "--with-symbol-versions", library).splitlines()]
    pairs = (name.partition("@") for name in names)
    return {(name, version.lstrip("@")) for name, _, version in pairs if CUDA_FUNCTION.match(name)}


def build_stub(target: pathlib.Path, symbols: dict[str, set[str]]) -> None:
    """Compiles a library that defines the given functions, version -> names, each returning "no device"."""
    names = sorted(set().union(*symbols.values()))
    script = target.with_suffix(".map")
    source = "".join(f"int {name}(void) {{ return {CUDA_ERROR_NO_DEVICE}; }}\n" for name in names)
    script.write_text("".join(f"{version} {{ global: {'; '.join(sorted(of))}; }};\n" for version, of in symbols.items() if version))
    command = ["gcc", "-shared", "-fPIC", "-w", "-x", "c", "-", f"-Wl,-soname,{target.name}", "-o", str(target)]
    subprocess.run(command + ([f"-Wl,--version-script={script}"] if script.stat().st_size else []), input=source, text=True, check=True)
    script.unlink()


def main() -> None:
    folder = pathlib.Path(sysconfig.get_path("purelib"), "torch", "lib")
    libraries = list(folder.glob("lib*.so"))
    needed = set().union(*(CUDA_LIBRARY.findall(output("readelf", "-d", library)) for library in libraries))
    wanted = set().union(*(undefined_symbols(library) for library in libraries))

    stubs: dict[str, dict[str, set[str]]] = {name: collections.defaultdict(set) for name in needed}
    # A version is named after its library (NVSHMEM's is not); a symbol without one may stand in any library.
    for name, version in wanted:
        home = version if version in needed else "libnvshmem_host.so.3" if version == "NVSHMEM" else "libcufile.so.0"
        stubs[home][version].add(name)
    for name, symbols in stubs.items():
        build_stub(folder / name, symbols)
    print(f"{len(stubs)} CUDA libraries stubbed in {folder}")


main()
