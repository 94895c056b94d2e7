#!/usr/bin/env bash
# Installs, through apt, the system packages that are missing for a purpose:
#   pdf   what WeasyPrint needs to print Chinese papers
#   test  the same, PostgreSQL's server, Chromium and what drives it, nginx and PgBouncer
#   venv  Python's own venv module
# Where it may not install it prints the exact command. Ends with 0 if all is there, else with 3.
set -euo pipefail

purpose=${1:?"pdf, test or venv"}
python=${PYTHON:-python3}

has_library() {
    "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null
}
has_chinese_font() {
    command -v fc-list >/dev/null && [ -n "$(fc-list :lang=zh-cn file 2>/dev/null | head -n 1)" ]
}
has_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null
}

missing() {
    if [ "$purpose" = venv ]; then
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
        return
    fi
    has_library libpango-1.0.so.0 || echo libpango-1.0-0
    has_library libpangoft2-1.0.so.0 || echo libpangoft2-1.0-0
    has_library libharfbuzz-subset.so.0 || echo libharfbuzz-subset0
    command -v fc-list >/dev/null || echo fontconfig
    has_chinese_font || echo fonts-noto-cjk
    if [ "$purpose" = test ]; then
        has_postgres || echo postgresql
        has_library libatomic.so.1 || echo libatomic1 # Playwright's own Node needs it.
        [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || echo chromium
    fi
}

# What is installed where it may be, and without which everything else still runs: the rehearsal of a province wants it.
wished() {
    [ "$purpose" = test ] || return 0
    [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || echo nginx-light
    [ -x /usr/sbin/pgbouncer ] || command -v pgbouncer >/dev/null || echo pgbouncer
}

apt() {
    "${privileged[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}
# Lists of packages may be absent (a fresh container) or stale (a version that the server no longer has).
install() {
    apt install -y --no-install-recommends "$@" 2>/dev/null && return
    [ -n "${updated:-}" ] || apt update || true
    updated=yes
    apt install -y --no-install-recommends "$@"
}

mapfile -t needed < <(missing)
mapfile -t wanted < <(missing; wished)
[ ${#wanted[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    may_install=no
elif [ "$(id -u)" = 0 ]; then
    may_install=yes privileged=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    may_install=yes privileged=(sudo -n)
else
    may_install=no
fi

if [ "$may_install" = yes ]; then
    echo "Installing system packages: ${wanted[*]} …"
    # One by one after the others failed: one package that cannot be had must not cost the rest.
    if ! install "${wanted[@]}"; then
        for package in "${wanted[@]}"; do
            install "$package" || true
        done
    fi
    has_chinese_font || [ "$purpose" = venv ] || install fonts-wqy-microhei || true
    mapfile -t wanted < <(missing)
    [ ${#wanted[@]} -gt 0 ] || exit 0
fi

# Nothing that is needed is missing: what was only wished for is no reason to stop.
[ ${#needed[@]} -gt 0 ] || exit 0
{
    echo "These system packages are missing and could not be installed from here. Install them with:"
    echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends ${wanted[*]}"
    case " ${wanted[*]} " in
        *" fonts-noto-cjk "*) echo "(fonts-wqy-microhei is a smaller font that will do in place of fonts-noto-cjk.)" ;;
    esac
} >&2
exit 3
