#!/bin/sh
# Makes the example clips: synthetic voices and drawn faces only, no person was recorded.
# Needs espeak-ng and sox, writes 16 kHz mono FLAC beside this script; for the videos also ffmpeg
# and a Python with numpy and Pillow (PYTHON=… names another than python3).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# say NAME VOICE PITCH(0-99) SPEED(words/min) AMPLITUDE(0-200) GAIN(dB) TEXT
say() {
    espeak-ng -v "$2" -p "$3" -s "$4" -a "$5" -w "$work/$1.wav" "$7"
    sox -D "$work/$1.wav" -r 16000 -c 1 -b 16 "$work/$1-16k.wav" gain "$6" pad 0.15 0.2
}
keep() {
    sox -D "$work/$1-16k.wav" -C 8 "$1.flac"
}

# Voices and looks were tried until the shipped model assigned what one would expect of them:
# they show the pages, and say nothing about how good the model is.
say loud_fast en-us+f2 75 215 190 -1 "I told you a hundred times. Leave me alone!"
say bright en-us+f3 99 230 140 -6 "We won! I can't believe it, this is wonderful."
say slow_low en-us+m5 10 90 60 -18 "I miss her so much. Nothing feels the same."
say even en-us+m7 35 175 100 -8 "The train leaves at nine from platform four."
say contradiction en-us+f2 99 215 190 -1 "Oh great. I am so happy for you."
for name in loud_fast bright slow_low even contradiction; do keep "$name"; done

# One long clip, three voices with a pause, for the timeline.
say part1 en-us+m7 25 175 100 -8 "I came home at six, as I do every day."
say part2 en-us+f2 75 215 190 -1 "And then they broke my window again! I am so angry!"
say part3 en-us+m5 10 90 60 -18 "Now I just sit here, and I feel alone."
sox -D -n -r 16000 -c 1 -b 16 "$work/pause.wav" trim 0 2.5
sox -D "$work/part1-16k.wav" "$work/part2-16k.wav" "$work/pause.wav" "$work/part3-16k.wav" \
    "$work/long-16k.wav"
keep long

# film NAME KIND VOICE: a drawn face, or hills, with one of the voices above.
film() {
    mkdir "$work/$1"
    "${PYTHON:-python3}" make_faces.py "$2" "$work/$3-16k.wav" "$work/$1"
    ffmpeg -nostdin -v error -y -framerate 15 -i "$work/$1/%04d.png" -i "$work/$3-16k.wav" \
        -c:v libx264 -preset veryslow -crf 24 -pix_fmt yuv420p -threads 1 -c:a aac -b:a 64k \
        -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart "$1.mp4"
}
film face_smile smile bright
film face_scowl scowl loud_fast
film face_apart smile loud_fast
film hills hills even
