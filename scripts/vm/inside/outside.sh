#!/bin/busybox sh
# A compiler, as it looks inside of the guest: what it is to read goes to the machine outside (../outside.mjs), which runs
# the tool of this name there and sends back what that wrote. TMPDIR is the same path in both, and so is the project.
work=$(mktemp -d "$TMPDIR/outside.XXXXXX")
printf '%s\n' "${0##*/}" "$@" > "$work/words"
pwd > "$work/folder"
for path in "$work/words" "$work/folder" $(grep -h -o "$TMPDIR/.*" "$work/words" "$work/folder"); do
  [ -e "$path" ] && echo "$path"
done > "$work/files"
/usr/bin/tar -c -P -f "$work/request" -T "$work/files"
# From the first namespace, whichever this is.
{ echo "$work"; wc -c < "$work/request"; cat "$work/request"; } | nsenter -t 1 -n nc 10.0.2.100 9 > "$work/answer"
# The clocks of the two differ a little.
/usr/bin/tar -x -P -m -f "$work/answer" || { head -c 2000 "$work/answer" >&2; exit 126; }
cat "$work/stdout"
cat "$work/stderr" >&2
status=$(cat "$work/status")
rm -rf "$work"
exit "$status"
