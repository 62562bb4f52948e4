# Makes a schema that protobuf-c can read and that describes the same bytes. It does not know `optional` in
# proto3, so such a field becomes a oneof with one field, which means the same. Its C strings have no length,
# so a NUL inside would end them: strings become bytes. All files are in one folder.
s/^( *)optional ([a-z0-9]+) ([a-z_]+) = ([0-9]+);/\1oneof maybe_\3 { \2 \3 = \4; }/
s/\bstring ([a-z_]+ = )/bytes \1/
s|^(import (public )?")coupond/v1/|\1|
