"""A pod of the chart without a cluster: its volumes as folders, its arguments as they are but for where these lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.chart import Object, the

LISTEN = "--web.listen-address="
CONFIG = "--config.file="

SecretsOf = Callable[[str], Mapping[str, str]]
"""Return what a Secret of that name holds, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of the StatefulSet, whose folders lie below `root` in place of `/`."""

    name: str
    objects: Sequence[Object]
    root: Path

    @property
    def arguments(self) -> list[str]:
        """Return what follows `mailsonar run`, but for the config and the address that it listens on."""
        command, *arguments = (self.local(argument) for argument in self._container["args"])
        assert command == "run"
        assert LISTEN + ":9525" in arguments
        return [argument for argument in arguments if not argument.startswith((LISTEN, CONFIG))]

    @property
    def config_file(self) -> Path:
        """Return where the arguments say that the config is."""
        [path] = (argument for argument in self._container["args"] if argument.startswith(CONFIG))
        return Path(self.local(path.removeprefix(CONFIG)))

    def local(self, text: str) -> str:
        """Return a text with the pod's folders where they lie here."""
        folders = sorted((mount["mountPath"] for mount in self._container["volumeMounts"]), key=len, reverse=True)
        return re.sub("|".join(map(re.escape, folders)), lambda found: f"{self.root}{found[0]}", text)

    def mount(self, secrets_of: SecretsOf, revision: str = "first") -> None:
        """Make the folders of all volumes, filled as the kubelet would; a further revision takes the place of one."""
        volumes = {volume["name"]: volume for volume in self._spec["volumes"]}
        claims = {claim["metadata"]["name"] for claim in self._stateful["spec"].get("volumeClaimTemplates", ())}
        for mount in self._container["volumeMounts"]:
            folder = Path(f"{self.root}{mount['mountPath']}")
            folder.mkdir(parents=True, exist_ok=True)
            if mount["name"] not in claims:
                self._fill(folder, revision, dict(self._files(volumes[mount["name"]], secrets_of)))

    def _files(self, volume: Object, secrets_of: SecretsOf) -> Iterator[tuple[str, str]]:
        """Yield name and content of each file of a volume."""
        match volume:
            case {"configMap": {"name": name}}:
                made = [one for one in self.objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name]
                yield from (item for one in made for item in one["data"].items())
            case {"secret": {"secretName": name}}:
                yield from secrets_of(name).items()
            case {"projected": {"sources": sources}}:
                for source in sources:
                    held = secrets_of(source["secret"]["name"])
                    items = source["secret"].get("items", [{"key": key, "path": key} for key in held])
                    yield from ((item["path"], held[item["key"]]) for item in items)

    def _fill(self, folder: Path, revision: str, files: Mapping[str, str]) -> None:
        """Write the files of a revision, and have the one link that leads to it exchanged."""
        target = folder / f"..{revision}"
        target.mkdir()
        for name, content in files.items():
            (target / name).write_text(self.local(content))
            (target / name).chmod(0o440)
        fresh = folder / "..data_tmp"
        fresh.symlink_to(target.name)
        fresh.rename(folder / "..data")
        for name in files:
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(f"..data/{name}")

    @property
    def _stateful(self) -> Object:
        return the("StatefulSet", self.objects)

    @property
    def _spec(self) -> Object:
        spec: Object = self._stateful["spec"]["template"]["spec"]
        return spec

    @property
    def _container(self) -> Object:
        [container] = self._spec["containers"]
        return container


def pods(objects: Sequence[Object], folder: Path) -> list[Pod]:
    """Return the pods that a StatefulSet would have, each with a root below the folder."""
    stateful = the("StatefulSet", objects)
    names = [f"{stateful['metadata']['name']}-{ordinal}" for ordinal in range(stateful["spec"]["replicas"])]
    return [Pod(name=name, objects=objects, root=folder / name) for name in names]
