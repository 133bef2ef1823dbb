# shellcheck shell=bash
# shellcheck disable=SC2034 # read by those who source this
# Small Linux guests in QEMU: kernel, modules and C library from Debian packages. Sourced by the tests that boot one.
#
# The caller sets `test_name` (for messages) and calls guest_prepare MODULE...; then `arch` (aarch64 | x86_64), `guest_cache`, and
# `system` (with vmlinuz, version, root/) are set, and $system/modules-<test_name> holds the modules in the order of loading.
#
#   ARCH, USHYDRA_GUEST_KVM, USHYDRA_GUEST_SUITE     as tests/usb-guest/run.sh says

guest_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
guest_root=$(cd "$guest_here/.." && pwd)
arch=${ARCH:-aarch64}
guest_suite=${USHYDRA_GUEST_SUITE:-trixie}
guest_cache=${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/usb-guest
test_name=${test_name:-guest}

case $arch in
    aarch64) debian_arch=arm64 qemu_package=qemu-system-arm console=ttyAMA0 ;;
    x86_64) debian_arch=amd64 qemu_package=qemu-system-x86 console=ttyS0 ;;
    *) echo "$test_name: ARCH=$arch is not one of aarch64, x86_64" >&2; exit 2 ;;
esac
system=$guest_cache/$guest_suite-$debian_arch

skip() { echo "SKIPPED $test_name: $*"; exit 0; }

install_qemu() {
    command -v "qemu-system-$arch" >/dev/null && return
    echo "$test_name: installing $qemu_package"
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$qemu_package"; } >"$guest_cache/qemu.log" 2>&1 ||
        skip "qemu-system-$arch is missing and $qemu_package cannot be installed ($guest_cache/qemu.log)"
}

# guest_prepare MODULE...: kernel, modules and the C library of the guest, fetched once.
guest_prepare() {
    local modules=$system/modules-$test_name work version kernel
    mkdir -p "$guest_cache"
    install_qemu
    if [[ -f $system/version && $(cat "$modules/wanted" 2>/dev/null) == "$*" ]]; then return; fi
    # shellcheck source=../cross/debian.sh
    source "$guest_root/cross/debian.sh"
    debian_open "$guest_cache/apt-$guest_suite-$debian_arch" "$(host_and_guest)" "$guest_suite" ||
        skip "no Debian packages: no mirror of $guest_suite"
    # The modules have to fit the kernel that is there.
    if [[ -f $system/version ]]; then
        read -r kernel version <"$system/version"
    else
        version=$(debian_version "linux-image-$debian_arch:$debian_arch")
        kernel=$(apt-cache "${debian_options[@]}" show "linux-image-$debian_arch:$debian_arch=$version" |
            sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -n 1)
    fi
    [[ -n $kernel ]] || skip "Debian $guest_suite offers no kernel for $debian_arch"
    echo "$test_name: $kernel $version, busybox and libc from Debian $guest_suite"
    work=$(mktemp -d "$guest_cache/unpack.XXXXXX")
    debian_unpack "$work" "$kernel:$debian_arch" "busybox-static:$debian_arch" "libc6:$debian_arch" "libgcc-s1:$debian_arch" ||
        { rm -r "$work"; skip "the packages of Debian $guest_suite cannot be downloaded"; }
    if [[ ! -f $system/version ]]; then
        rm -rf "$system"
        mkdir -p "$system"
        cp "$work"/boot/vmlinuz-* "$system/vmlinuz"
        copy_libraries "$work" "$system/root"
        echo "$kernel $version" >"$system/version"
    fi
    rm -rf "$modules"
    python3 "$guest_here/usb-guest/modules.py" "$work" "$modules" "$@"
    echo "$*" >"$modules/wanted"
    rm -r "$work"
}

host_and_guest() { printf '%s\n' "$(dpkg --print-architecture)" "$debian_arch" | sort -u | paste -sd,; }

# Releases before and after the merge of / and /usr keep these files in different places; the guest has one.
copy_libraries() {
    local from=$1 to=$2 library loader
    mkdir -p "$to/bin" "$to/lib/$arch-linux-gnu" "$to/lib64"
    find "$from" -path '*bin/busybox' -exec cp {} "$to/bin/busybox" \;
    for library in libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1; do
        cp -L "$(find "$from" -name "$library" | head -n 1)" "$to/lib/$arch-linux-gnu/"
    done
    loader=$(find "$from" -name 'ld-linux-*.so.*' -type f | head -n 1)
    cp "$loader" "$to/lib/"
    [[ $arch != x86_64 ]] || ln -s "../lib/$(basename "$loader")" "$to/lib64/"
}

# guest_modules FOLDER: the modules of this test, for an initramfs.
guest_modules() {
    mkdir -p "$1/modules"
    cp "$system/modules-$test_name"/* "$1/modules/"
}

# The programs of the packages PACKAGE...; prints the folder they are in. One build each: together they would ask for other features
# of what they share, and compile the engine a second time.
guest_programs() {
    local package
    local -a options
    if [[ -n ${USHYDRA_GUEST_BIN:-} ]]; then
        echo "$USHYDRA_GUEST_BIN"
        return
    fi
    for package; do
        options=()
        [[ $package != ushydra-probe-sim ]] || options=(--no-default-features)
        if [[ $arch == "$(uname -m)" ]]; then
            (cd "$guest_root" && cargo build --locked --release -p "$package" "${options[@]}" >&2)
        else
            "$guest_root/cross/build.sh" -p "$package" "${options[@]}" >&2
        fi
    done
    if [[ $arch == "$(uname -m)" ]]; then
        echo "${CARGO_TARGET_DIR:-$guest_root/target}/release"
    else
        echo "${USHYDRA_CROSS_TARGET:-${USHYDRA_CROSS:-${XDG_CACHE_HOME:-$HOME/.cache}/ushydra/cross}/target}/$arch-unknown-linux-gnu/ship"
    fi
}

# Words for the kernel's command line. An emulated timer on a busy machine fails Linux's test of the timer, which panics.
guest_kernel_words() {
    local words="console=$console quiet panic=-1 rdinit=/init"
    [[ $arch != x86_64 ]] || words+=" no_timer_check"
    echo "$words"
}

# guest_machine: options of QEMU for the processor, the board and the kernel, one a line.
guest_machine() {
    case $arch in
        aarch64) printf '%s\n' -M virt,gic-version=3 ;;
        x86_64) printf '%s\n' -M q35 ;;
    esac
    if [[ -n ${USHYDRA_GUEST_KVM:-} ]]; then
        printf '%s\n' -accel kvm -cpu host
    elif [[ $arch == aarch64 ]]; then
        printf '%s\n' -accel tcg,thread=multi -cpu cortex-a72
    else
        printf '%s\n' -accel tcg,thread=multi -cpu max
    fi
    printf '%s\n' -nographic -no-reboot -nic none -kernel "$system/vmlinuz"
}
