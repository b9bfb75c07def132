"""What all constructs of one stack share: its partition and account, the archives uploaded for it, its registries."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from constructs_lib.sagemaker.permissions import Place
from constructs_lib.serving.archive import Archive, ArchiveError
from constructs_lib.serving.archive_files import list_files
from constructs_lib.serving.artifacts import LocalArtifact, S3Artifact, TrainedArtifact
from constructs_lib.serving.file_digest import digest_of
from constructs_lib.serving.images import Image
from constructs_lib.serving.models import Model
from constructs_lib.serving.notices import Notice
from constructs_lib.serving.packaging import package
from constructs_lib.serving.problems import is_token


@dataclass(eq=False)
class StackFacts:
    """One stack's facts, each asked of jsii once however many endpoints the stack has."""

    stack: cdk.Stack
    _uploads: dict[str, S3Artifact] = field(default_factory=dict)
    _packaged: dict[tuple[object, ...], S3Artifact] = field(default_factory=dict)
    _registries: dict[str, cdk.CfnMapping] = field(default_factory=dict)
    _image_uris: dict[Image, str] = field(default_factory=dict)
    _warned: set[Notice] = field(default_factory=set)

    @staticmethod
    def of(scope: Construct) -> StackFacts:
        """Give the facts of the stack that a construct is in."""
        facts = _FACTS.get(scope)
        if facts is None:
            stack = cdk.Stack.of(scope)
            facts = _FACTS[scope] = _FACTS.setdefault(stack, StackFacts(stack))
        return facts

    def include(self, construct: Construct) -> None:
        """Note that a construct is in this stack, so that nobody has to ask jsii."""
        _FACTS[construct] = self

    def warn(self, notices: Iterable[Notice]) -> None:
        """Say each notice once for the whole stack, where `Annotations.acknowledge_warning` silences it by its id."""
        for notice in notices:
            if notice not in self._warned:
                self._warned.add(notice)
                cdk.Annotations.of(self.stack).add_warning_v2(notice.id, notice.message)

    @cached_property
    def place(self) -> Place:
        """Partition, region and account; tokens where the stack's environment is not fixed."""
        return Place(partition=self.stack.partition, region=self.stack.region, account=self.stack.account)

    def model_data(self, model: Model) -> S3Artifact | None:
        """Give the place of a model's data in S3; a local artifact is packaged and uploaded, once per stack.

        Returns
        -------
        S3Artifact or None
            None when the model has no artifact.

        Raises
        ------
        InvalidValueError
            When a training job is still to leave it, as settings say it.
        """
        location = model.location
        if isinstance(location, TrainedArtifact):
            raise location.not_known()
        if not isinstance(location, LocalArtifact):
            return location
        # Those fields of the model that decide what is packaged, and whether it may be.
        fields = ("artifact", "source_dir", "entry_point", "server", "max_batch_size", "image", "network_isolation")
        # The CDK adds the last of a file's suffixes to the key, and Neo takes a .tar.gz only: botocore, InputConfig.
        suffix = ".tar" if getattr(model, "compile", None) else ""
        key = (type(model), suffix, *(getattr(model, name, None) for name in fields))
        if key not in self._packaged:
            self._packaged[key] = self.upload(package(model), linked=not location.is_archive, suffix=suffix)
        return self._packaged[key]

    def image_uri(self, image: Image) -> str:
        """Give an image's URI in this stack's region, by a CloudFormation mapping when the region is not fixed.

        Raises
        ------
        RegionError
            When AWS keeps no registry for the image in the stack's region.
        """
        if not is_token(self.place.region):
            return image.uri(self.place.region)
        if image not in self._image_uris:
            region = self.place.region
            account = self._registry(image.registry, image.accounts()).find_in_map(region, "Account")
            self._image_uris[image] = f"{account}.dkr.ecr.{region}.{cdk.Aws.URL_SUFFIX}/{image.repository}:{image.tag}"
        return self._image_uris[image]

    def upload(self, archive: Archive, *, linked: bool = True, suffix: str = "") -> S3Artifact:
        """Have the deployment upload an archive under its content's digest, as the only part of its key.

        A file that is never written to again, as those of the cache, may be linked into the cloud assembly. The suffix
        comes before the one that the CDK adds.
        """
        key = f"{archive.digest}{suffix}"
        if key not in self._uploads:
            name = f"asset.{archive.digest}{''.join(archive.path.suffixes[-2:])}"
            self._uploads[key] = self._stage(archive.path, name, key, linked=linked)
        return self._uploads[key]

    def upload_directory(self, directory: Path) -> S3Artifact:
        """Have the deployment upload the files of a directory, by their names under a prefix of their digest.

        Returns
        -------
        S3Artifact
            The prefix.

        Raises
        ------
        ArchiveError
            When there is nothing to upload, or a file cannot be.
        """
        files = list_files(directory)
        digest = digest_of(files)
        for number, file in enumerate(files if digest not in self._uploads else ()):
            # To the key that it is given the CDK adds the staged file's extension, so that one has none.
            staged = self._stage(Path(file.path), f"asset.{digest}/{number}", f"{digest}/{file.name}", linked=False)
            self._uploads[digest] = replace(staged, key=staged.key.removesuffix(file.name))
        return self._uploads[digest]

    def _stage(self, source: Path, name: str, source_hash: str, *, linked: bool) -> S3Artifact:
        """Put a file into the cloud assembly, and have the deployment upload it from there."""
        assembly = cdk.Stage.of(self.stack)
        if assembly is None:
            raise ValueError("a stack with a local artifact must be in an App or a Stage, which has an output folder")
        staged = Path(assembly.asset_outdir) / name
        try:
            _place(source, staged, link=linked)
        except OSError as error:
            raise ArchiveError(f"cannot put '{source}' into '{staged.parent}': {error.strerror}") from error
        location = self._synthesizer.add_file_asset(
            source_hash=source_hash,
            file_name=os.path.relpath(staged, assembly.outdir),
            packaging=cdk.FileAssetPackaging.FILE,
            display_name=name,
        )
        return S3Artifact(bucket=location.bucket_name, key=location.object_key)

    @cached_property
    def _synthesizer(self) -> cdk.IStackSynthesizer:
        """The stack's synthesizer; one that the stack was given has to be bound first.

        The stack has bound a copy of it, whose assets are the same, but jsii takes the copy for the one that was given.
        """
        synthesizer = self.stack.synthesizer
        user = _SYNTHESIZERS.setdefault(synthesizer, self.stack)
        if user is not self.stack:
            raise ValueError(
                f"'{user.node.path}' and '{self.stack.node.path}' share a synthesizer, through which Python can upload "
                "files for one stack alone; give each stack one of its own"
            )
        try:
            synthesizer.bind(self.stack)
        except RuntimeError as error:
            if "StackSynthesizerOneStack" not in str(error):  # it is bound already, as the CDK's own ones are
                raise
        return synthesizer

    def _registry(self, name: str, accounts: Mapping[str, str]) -> cdk.CfnMapping:
        if name not in self._registries:
            words = "".join(word.capitalize() for word in name.replace("-", "_").split("_"))
            self._registries[name] = cdk.CfnMapping(
                self.stack,
                f"{words}Registry",
                mapping={region: {"Account": account} for region, account in sorted(accounts.items())},
            )
        return self._registries[name]


def _place(source: Path, target: Path, *, link: bool) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if link:
        with suppress(OSError):  # another file system, or one without links
            os.link(source, target)
            return
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


# By construct, as long as the process lives: the constructs are never released from jsii's kernel either.
_FACTS: dict[Construct, StackFacts] = {}
_SYNTHESIZERS: dict[cdk.IStackSynthesizer, cdk.Stack] = {}
