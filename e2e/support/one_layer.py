"""An image of one layer that `img` builds, and the trees that readers make of it."""

import json
import re

from support import images, places
from support.processes import run


class OneLayerImage:
    """Built by `img` below `directory`, in an OCI layout and in the registry."""

    def __init__(self, registry, directory, name, layer_options):
        self.registry, self.directory = registry, directory
        directory.mkdir(parents=True, exist_ok=True)
        self.blob, metadata = directory / "layer", directory / "layer.json"
        run([places.tool(), "layer", *layer_options, "--metadata", metadata, self.blob])
        self.metadata = json.loads(metadata.read_text())
        manifest, config = directory / "manifest.json", directory / "config.json"
        outputs = ["--manifest", manifest, "--config", config, "--cmd", "/bin/busybox"]
        run([places.tool(), "manifest", "--layer-from-metadata", metadata, *outputs])
        self.layout = directory / "layout"
        image = ["--manifest", manifest, "--config", config, "--layer", f"{metadata}={self.blob}"]
        run([places.tool(), "oci-layout", *image, "--output", self.layout])
        self.reference = f"{registry.address}/e2e/{name}:latest"
        run(["skopeo", "copy", "--dest-tls-verify=false", f"oci:{self.layout}", f"docker://{self.reference}"])

    def requests(self, status):
        """How often the registry answered for the layer's content with `status`."""
        path = re.escape(f"/blobs/{self.metadata['digest']}")
        return len(re.findall(rf'"GET \S*{path}\S* HTTP/[0-9.]+" {status} ', self.registry.log_text()))

    def unpack_with_bsdtar(self):
        root = self.directory / "bsdtar"
        root.mkdir()
        run(["bsdtar", "-xpf", self.blob, "--xattrs", "-C", root])
        return root

    def unpack_with_umoci(self):
        named = self.directory / "named"
        images.copy_layout(self.layout, named)
        return images.unpack(named, self.directory / "bundle")

    def mount_with_containerd(self, containerd, at_end):
        """Pulls and mounts the image; it is unmounted at the end."""
        containerd.pull(self.reference)
        root = self.directory / "containerd"
        root.mkdir()
        containerd.mount(self.reference, root)
        at_end(run, ["umount", root])
        return root
