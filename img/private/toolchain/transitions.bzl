"""Transitions between the platform a user builds for and the platforms of images.

What --platforms was before the first transition is kept in a setting, so that what lies behind an
image (an index, a push) can be built for the user's platform again, once, however it is reached.
Layers drop that memory: a layer is built once for a platform, whoever asked for it.
"""

_PLATFORMS = "//command_line_option:platforms"
_ORIGINAL_PLATFORMS = "//img/private/settings:original_platforms"
_SETTINGS = [_PLATFORMS, _ORIGINAL_PLATFORMS]

# Slot of a split transition that has no platforms to split by.
_ONLY_SLOT = "0"

def _switch(settings, platform):
    """Returns the settings for another platform, with the first one remembered."""
    platforms = [str(value) for value in settings[_PLATFORMS]]
    return {
        _PLATFORMS: [str(platform)],
        _ORIGINAL_PLATFORMS: settings[_ORIGINAL_PLATFORMS] or json.encode(platforms),
    }

def _keep(settings):
    return {name: settings[name] for name in _SETTINGS}

def _to_image_platform(settings, attr):
    return _switch(settings, attr.platform) if attr.platform else _keep(settings)

image_platform_transition = transition(
    implementation = _to_image_platform,
    inputs = _SETTINGS,
    outputs = _SETTINGS,
)

def _to_index_platforms(settings, attr):
    if not attr.platforms:
        return {_ONLY_SLOT: _keep(settings)}
    return {
        str(slot): _switch(settings, platform)
        for slot, platform in enumerate(attr.platforms)
    }

index_platforms_transition = transition(
    implementation = _to_index_platforms,
    inputs = _SETTINGS,
    outputs = _SETTINGS,
)

def _to_original_platforms(settings, _attr):
    original = settings[_ORIGINAL_PLATFORMS]
    return {
        _PLATFORMS: json.decode(original) if original else settings[_PLATFORMS],
        _ORIGINAL_PLATFORMS: "",
    }

reset_platform_transition = transition(
    implementation = _to_original_platforms,
    inputs = _SETTINGS,
    outputs = _SETTINGS,
)

def _to_layer(settings, _attr):
    return {_PLATFORMS: settings[_PLATFORMS], _ORIGINAL_PLATFORMS: ""}

layer_transition = transition(
    implementation = _to_layer,
    inputs = _SETTINGS,
    outputs = _SETTINGS,
)
