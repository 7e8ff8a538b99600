"""How large a document may be: the quotas of AWS, and bounds that keep parsing cheap whatever is sent."""

SIZE_BYTES_MAX = 64 * 1024
"""AWS's quota "SSM document size"; parameter values given at run time count too."""

DEPTH_MAX = 64
VALUES_MAX = 20_000
DOCUMENTS_MAX = 500
VERSIONS_MAX = 1000
STEPS_MAX = 100
PARAMETERS_MAX = 200
PATTERN_CHARS_MAX = 512
