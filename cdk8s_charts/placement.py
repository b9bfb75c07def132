"""Where a workload's pods run, and what an image and a server must be built for there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from constructs_lib.serving.images import Device, Image, Platform, find_image
from constructs_lib.serving.instances import Accelerator, InstanceType
from constructs_lib.serving.node_group import GPU_RESOURCE, NEURON_RESOURCE, NodeGroup

_RESOURCES = {Device.GPU: GPU_RESOURCE, Device.NEURON: NEURON_RESOURCE, Device.NEURONX: NEURON_RESOURCE}
_NODES = {
    Device.CPU: "a CPU node",
    Device.GPU: "a GPU node",
    Device.NEURON: "an Inf1 node",
    Device.NEURONX: "an Inf2 or Trn1 node",
}
# NeuronCores of one device where the node is not known: Inferentia has four; Inferentia2 and Trainium have two.
_CORES = {Device.NEURON: 4, Device.NEURONX: 2}
_GIB_OF_FIRST, _GIB_PER_GPU, _GIB_PER_NEURON_DEVICE = 12, 6, 24
# Of the memory of a GPU that pods take turns on, their part: the rest is for what CUDA itself takes in each process.
_SHARED_MEMORY = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The nodes that pods run on, as far as they are known.

    Attributes
    ----------
    device
        What the pods compute on.
    accelerators
        How many accelerators each pod gets; 0 on CPUs.
    architecture
        ``x86_64`` or ``arm64``.
    group
        The node group. None: any node that fits.
    region
        Region of the cluster, which images and artifacts are fetched in. None: not known.
    """

    device: Device = Device.CPU
    accelerators: int = 0
    architecture: str = "x86_64"
    group: NodeGroup | None = None
    region: str | None = None

    @property
    def resource(self) -> str | None:
        """What a pod asks for: ``nvidia.com/gpu``, ``aws.amazon.com/neuron``; None on CPUs."""
        return _RESOURCES.get(self.device)

    @property
    def cores(self) -> int:
        """NeuronCores that a pod gets; 0 where there are none."""
        if self.device not in _CORES:
            return 0
        found = self.group.accelerator if self.group else None
        return self.accelerators * (found.cores if found and found.cores else _CORES[self.device])

    @property
    def language_model_memory(self) -> str:
        """The memory that a server of language models commonly needs, as a quantity.

        Each further accelerator has a process of its own; on Neuron, its part of the weights passes through the host.
        """
        each = _GIB_PER_NEURON_DEVICE if self.device in _CORES else _GIB_PER_GPU
        return f"{_GIB_OF_FIRST + each * max(self.accelerators - 1, 0)}Gi"

    @property
    def gpu_share(self) -> float:
        """The part of a GPU's memory that a pod may take: less than 1 where pods take turns on it."""
        sharing = self.group.gpu_sharing if self.group and self.accelerators else None
        turns = sharing.time_slicing if sharing else None
        return round(_SHARED_MEMORY / turns, 3) if turns else 1.0

    @property
    def instance(self) -> InstanceType:
        """The instance as a pod sees it, with its own accelerators; made up where there is no node group."""
        accelerator = None
        if self.device is not Device.CPU:
            found = self.group.accelerator if self.group else None
            known = found or Accelerator(kind=self.device.value, model=self.device.value, count=1)
            accelerator = replace(known, count=self.accelerators)
        if self.group:
            return replace(self.group.instances[0], accelerator=accelerator)
        return InstanceType(name=_NODES[self.device], architecture=self.architecture, accelerator=accelerator)

    def image(self, framework: str, version: str | None, *, python: str | None = None) -> str:
        """Find the URI of AWS's newest image that runs here.

        Parameters
        ----------
        framework, version, python
            As for `find_image`.

        Raises
        ------
        ImageNotFoundError
            When AWS has no such image; it says what there is.
        RegionError
            When AWS keeps no registry with it in the region, or the region is not known and it is needed.
        """
        found = find_image(
            framework,
            version,
            device=self.device,
            architecture=self.architecture,
            platform=Platform.KUBERNETES,
            python=python,
        )
        return self.uri(found)

    def uri(self, image: Image) -> str:
        """Give the URI of an image here: in the public gallery, or else in the region's registry.

        Raises
        ------
        RegionError
            When AWS keeps no registry with it in the region; when the region is needed and not known.
        """
        return image.public_uri or image.uri(self.region or "")
