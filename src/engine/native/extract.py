"""extract.py WHEEL FOLDER PREFIX...: extracts the members of a wheel under the prefixes, printing the bytes done."""

import pathlib
import sys
import zipfile

wheel, folder, *prefixes = sys.argv[1:]
done = 0
with zipfile.ZipFile(wheel) as archive:
    for member in archive.infolist():
        if member.is_dir() or not member.filename.startswith(tuple(prefixes)):
            continue
        target = pathlib.Path(folder, member.filename)
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as source, open(target, "wb") as sink:
            while chunk := source.read(1 << 24):
                sink.write(chunk)
                done += len(chunk)
                print(done, flush=True)
