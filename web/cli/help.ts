/** What --help prints, for screens of 80 columns. */
export const HELP: Readonly<Record<'general' | 'inspect' | 'repair' | 'run', string>> = {
  general: `Finds checkerboard patterns in the convolutions of model files; repairs them;
runs networks.

Usage: deconv-wasm <command> [options]

Commands:
  inspect MODEL...           a table of the layers and the pattern of each
  repair MODEL -o FIXED      writes the model with repaired weights
  run MODEL -i IN -o OUT     computes a network (ONNX, TFLite)
  help [COMMAND]

Options:
  -h, --help                 this text, or that of a command
  -v, --version

Models: ONNX, TFLite, safetensors, .npy, .npz.
Files that are written are whole or not there. Of a link that is the file that
it leads to, be it there or not, and the link stays.
Colours: on terminals only; NO_COLOR=1 turns them off, FORCE_COLOR=1 on.`,

  inspect: `Tells how strong a pattern each layer of a model leaves on flat areas.

Usage: deconv-wasm inspect [options] MODEL...

Options:
  --all                      every node of the network as well, or those that
                             keep it from being run
  --json                     the results for programs, on stdout
  --html FILE                writes a report with pictures as well: one file, no
                             network
  --force                    replaces the page of --html if it exists
  --run [FILE]               runs the network, with a .png, .npy or .wav or else
                             flats and a made-up picture: the pattern step by
                             step, and what each layer brings to the output
  --mean M --std S           what the picture of --run becomes on its way in, as
                             for run
  --fail-above DBC           exit code 1 if the pattern of any layer is above
                             this level, such as -40 (decibels over the flat
                             output)
  --allow-unjudged           exit code 0 instead of 3 where --fail-above finds
                             nothing but layers that it cannot judge
  --pass both|forward|backward
                             forward: only what shows in outputs (transposed
                             and sub-pixel convolutions, resize and
                             convolution); backward: only what shows in
                             gradients (strided convolutions)
  --layers resampling|all    resampling (default): transposed and strided
                             convolutions; all: those of stride 1 too
  --geometry FILE.json       what the layers of safetensors, .npy and .npz are:
                             { "up.weight": { "stride": 2, "padding": 1 } }
  -h, --help

Columns: GEOMETRY has input>output channels, k kernel, s stride, d dilation,
p padding (before/after), g groups, shuffle: channels that become positions
(sub-pixel convolution), after: the resize before it. PASS is fwd (forward) for
what raises the resolution and bwd (backward) for strided convolutions, whose
gradient is a transposed convolution. U is the share of the energy on flat input
that is pattern, from 0 to 1; dBc its level over the rest.
VERDICT: free (no pattern), weights-only (even overlap, uneven weights), overlap
(stamps overlap unevenly), holes (some pixels get no stamp).

Exit codes: 0 fine; 1 a layer is above --fail-above; 2 wrong usage, or a file
that cannot be read or written; 3 none is above --fail-above, but not all could
be judged. Those are listed with the reason.`,

  repair: `Writes a model with the nearest weights that leave no pattern on flat areas.

Usage: deconv-wasm repair [options] MODEL -o FIXED

Options:
  -o, --output FIXED         the file to write
  --layer NAME               this layer only; may be given several times.
                             Default: all transposed and sub-pixel convolutions.
                             Strided ones have to be named: their pattern is in
                             gradients, and repair changes what they compute
  --layers NAME,NAME...      these layers only
  --run [FILE]               runs the network before and after, with a .png,
                             .npy or .wav or else flats and a made-up picture:
                             what becomes of the pattern in the output
  --mean M --std S           what the picture of --run becomes on its way in, as
                             for run
  --dry-run                  shows what would change, writes nothing
  --force                    replaces FIXED if it exists
  --json                     the results for programs, on stdout
  --geometry FILE.json       as for inspect
  -h, --help

The sum of every kernel stays. A repaired layer gives other images, so train the
model on for a while.

Exit codes: 0 done; 1 a layer that leaves a pattern could not be repaired (the
others are, and the file is written if there are any); 2 wrong usage, or a file
that cannot be read or written.`,

  run: `Computes a network of a file once.

Usage: deconv-wasm run [options] MODEL

Options:
  -i, --input [NAME=]FILE    a .png, .npy or .wav for an input; with a name
                             where there are several inputs
  -o, --output [NAME=]FILE   a .png, .npy or .wav to write; NAME may be any
                             value of the network
  --shape [NAME=]1,3,64,64   values from 0 to 1 of this shape for an input
                             without a file
  --mean M --std S           what pictures become on their way in:
                             (byte / 255 - M) / S, of 16 bits sample / 65535;
                             numbers for all channels, or one each:
                             0.485,0.456,0.406. Default 0 and 1
  --output-mean, --output-std
                             the same on the way out. Default 0 and 1
  --rate HERTZ               of the .wav files that are written. Default 44100
  --compare [NAME=]FILE      tells how far an output is from these values
  --tolerance T              exit code 1 if that is more than T times their root
                             mean square. Default 1e-4
  --profile                  a row for every step, with its milliseconds
  --tiled                    in parts: pictures and sounds of any size, also
                             where the file fixes one
  --tile N, --overlap N      the same, with parts of N values, or that see N
                             of their neighbours'; for networks that look at
                             the whole, too
  --exact                    without routes that round more
  --threads N                Default 1
  --force                    replaces files of --output that exist
  --json                     the results for programs, on stdout
  -h, --help

Pictures are drawn to the size that the network takes, if it takes only one
and --tiled is not given.
Without --output the ranges of the outputs are printed.

Exit codes: 0 done; 1 an output is further from --compare than --tolerance;
2 wrong usage, a file that cannot be read or written, or a network with
operators that are not run: all of them are listed.`,
};
