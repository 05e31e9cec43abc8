#!/bin/sh
# Makes DIRECTORY/one, the files of a small Debian as they are committed, and DIRECTORY/two, an update of it: one
# file in forty is edited, one in four hundred gone, one in four hundred new. Needs root, debootstrap and a network.
set -eu
directory=$1
packages=systemd,systemd-sysv,udev,dbus,python3,perl,openssh-server,iproute2,locales,tzdata,vim-tiny
packages=$packages,linux-image-cloud-amd64,ca-certificates,curl,git,less,nano,sudo,tar,zstd,initramfs-tools
mkdir -p "$directory/one"
debootstrap --variant=minbase --include=$packages bookworm "$directory/rootfs"
cd "$directory/rootfs"
tar --numeric-owner --xattrs -cf - --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./run/*' \
    --exclude='./tmp/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' . |
    tar -C ../one --numeric-owner --xattrs -xpf -
cd ../one
rm -rf ../rootfs
find . \( -type s -o -type p -o -type b -o -type c \) -delete
# As a commit that can be deployed: the kernel beside its modules, defaults in usr/etc.
modules=$(echo usr/lib/modules/*)
mv boot/vmlinuz-* "$modules/vmlinuz"
mv boot/initrd.img-* "$modules/initramfs.img"
rm -rf boot/*
mv etc usr/etc
mkdir -p sysroot
ln -s sysroot/ostree ostree
cp -a . ../two
cd ../two
number=0
find usr -type f -size +16c | LC_ALL=C sort | while read -r file; do
    number=$((number + 1))
    if [ $((number % 40)) = 0 ]; then
        middle=$(($(stat -c %s "$file") / 2))
        printf 'UPDATED!' | dd of="$file" bs=1 seek="$middle" conv=notrunc status=none
    elif [ $((number % 400)) = 7 ]; then
        rm "$file"
    elif [ $((number % 400)) = 9 ]; then
        printf 'new %s\n' "$file" > "$file.new"
    fi
done
