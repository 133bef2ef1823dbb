# shellcheck shell=bash
# Debian packages into a folder, beside the machine's own package database: nothing is installed and no source list is touched.
# Sourced by setup.sh here and by tests/usb-guest/run.sh.

# debian_open DIR ARCHITECTURES SUITE...: a private apt under DIR that sees the suites on the mirror this machine already uses.
# Its package lists are fetched anew when they are older than a week. Fails where there is no Debian mirror.
debian_open() {
    local apt=$1 architectures=$2 mirror suite
    shift 2
    mirror=$(debian_mirror)
    if [[ -z $mirror ]]; then
        echo "no Debian mirror among this machine's apt sources" >&2
        return 1
    fi
    mkdir -p "$apt"/{etc/apt.conf.d,etc/preferences.d,etc/sources.list.d,state/lists/partial,cache/archives/partial}
    : >"$apt/state/status"
    for suite; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=$architectures] $mirror $suite main"
    done >"$apt/sources.new"
    debian_options=(
        -qq -o Dir::Etc="$apt/etc" -o Dir::Etc::sourcelist=sources.list -o Dir::Etc::sourceparts=sources.list.d
        -o Dir::State="$apt/state" -o Dir::State::status="$apt/state/status" -o Dir::Cache="$apt/cache"
        -o APT::Architecture="$(dpkg --print-architecture)" -o APT::Architectures="$architectures" -o APT::Sandbox::User=root
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Get::Assume-Yes=true
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
        -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
    )
    if ! cmp -s "$apt/sources.new" "$apt/etc/sources.list" || [[ -z $(find "$apt/updated" -mtime -7 2>/dev/null) ]]; then
        cp "$apt/sources.new" "$apt/etc/sources.list"
        apt-get "${debian_options[@]}" update && touch "$apt/updated"
    fi
}

# The URI of the Debian archive in this machine's own sources, without the security and debug archives.
debian_mirror() {
    # shellcheck disable=SC2016 # apt expands these, not the shell
    apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Created-By: Packages' |
        sed -n 's#/debian/*$#/debian#p' | head -n 1
}

# The newest version of PACKAGE in the opened suites that matches PATTERN (an extended regular expression; default: any).
debian_version() {
    apt-cache "${debian_options[@]}" madison "$1" | awk -v pattern="${2:-.}" '$3 ~ pattern && !found { print $3; found = 1 }'
}

# debian_unpack DIR PACKAGE[:ARCH][=VERSION]...: downloads the packages and unpacks them under DIR.
debian_unpack() {
    local dir downloads package
    dir=$(realpath -m "$1")
    shift
    mkdir -p "$dir"
    downloads=$(mktemp -d "$dir/.downloads.XXXXXX")
    (cd "$downloads" && apt-get "${debian_options[@]}" download "$@") || { rm -r "$downloads"; return 1; }
    for package in "$downloads"/*.deb; do
        dpkg-deb --extract "$package" "$dir"
    done
    rm -r "$downloads"
}
