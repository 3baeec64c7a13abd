"""Providers, for rules that make or take layers and images."""

load("//img/private/providers:deploy_info.bzl", _DeployInfo = "DeployInfo")
load("//img/private/providers:image_index_info.bzl", _ImageIndexInfo = "ImageIndexInfo")
load("//img/private/providers:image_manifest_info.bzl", _ImageManifestInfo = "ImageManifestInfo")
load("//img/private/providers:layer_info.bzl", _LayerInfo = "LayerInfo", _SingleLayerInfo = "SingleLayerInfo")
load("//img/private/providers:layers_info.bzl", _LayersInfo = "LayersInfo")
load("//img/private/providers:pull_info.bzl", _PullInfo = "PullInfo")

DeployInfo = _DeployInfo
ImageIndexInfo = _ImageIndexInfo
ImageManifestInfo = _ImageManifestInfo
LayerInfo = _LayerInfo
LayersInfo = _LayersInfo
PullInfo = _PullInfo
SingleLayerInfo = _SingleLayerInfo
