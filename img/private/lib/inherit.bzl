"""Values of attributes that stand for what the base says."""

# Stands for the value of the base: alone in a text, or among the elements of a list. `img` knows it too.
INHERIT = "<inherit>"

# What a list is where nothing is said: the base's value, unless another attribute decides.
UNSET = ["<unset>"]
