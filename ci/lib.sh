# What the scripts of this folder share: messages, the root of the tree, packages, builds.
# shellcheck shell=bash
# Sourced, never run. Sets `root` and `program`.

set -euo pipefail

program=ci/$(basename "$0")
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

say() {
    printf '%s: %s\n' "$program" "$*"
}

# Ends the script with one line that names what was wrong and the remedy.
die() {
    printf '%s: %s\n' "$program" "$*" >&2
    exit 1
}

# packages_of group...: the packages of these groups, each once.
packages_of() {
    local group package rest
    local -A seen=()
    while read -r group package rest; do
        [[ $group == '#'* || -z $group ]] && continue
        [[ " $* " == *" $group "* ]] || continue
        [[ -v seen[$package] ]] && continue
        seen[$package]=1
        printf '%s\n' "$package"
    done <"$root/ci/packages.txt"
}

is_installed() {
    [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == 'install ok installed' ]]
}

# run_apt argument...: apt-get as root, quiet unless it fails.
run_apt() {
    local log status=0
    local -a as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        as_root=(sudo)
        # Without a terminal nobody can type a password: fail at once instead of hanging.
        [[ -t 0 ]] || as_root=(sudo -n)
    fi
    log=$(mktemp)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 -y "$@" >"$log" 2>&1 </dev/null || status=$?
    if [[ $status -ne 0 ]]; then
        local cause
        cause=$(grep -m1 '^E:' "$log" || tail -n1 "$log")
        rm -f "$log"
        die "apt-get $1 failed: ${cause:-exit code $status}"
    fi
    rm -f "$log"
}

# install_packages group...: installs what is missing of these groups, and says what.
install_packages() {
    local package
    local -a missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        die "this is no Debian-like system (apt-get not found); install by hand what" \
            "ci/packages.txt lists and call cmake --preset release"
    fi
    while read -r package; do
        is_installed "$package" || missing+=("$package")
    done < <(packages_of "$@")
    if [[ ${#missing[@]} -eq 0 ]]; then
        say "all packages are installed"
        return
    fi
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null ||
            die "cannot install ${missing[*]}: neither root nor sudo; ask an administrator for" \
                "apt-get install ${missing[*]}"
        [[ -t 0 ]] || sudo -n true 2>/dev/null ||
            die "cannot install ${missing[*]}: sudo wants a password and there is no terminal;" \
                "call ci/install from a terminal first"
    fi
    say "installing ${missing[*]}"
    run_apt update
    run_apt install --no-install-recommends "${missing[@]}"
}

# build_preset preset [target...]: configures and builds into build/<preset>.
build_preset() {
    local preset=$1 log
    shift
    log=$root/build/$preset.log
    mkdir -p "$root/build"
    say "building preset $preset (log: build/$preset.log)"
    if ! (cd "$root" && cmake --preset "$preset" &&
        cmake --build --preset "$preset" ${1:+--target "$@"}) >"$log" 2>&1; then
        grep -E -m10 -A6 '(error|Error.*): |CMake Error|undefined reference' "$log" >&2 ||
            tail -n 40 "$log" >&2
        die "the build of preset $preset failed; the whole log is build/$preset.log"
    fi
}
