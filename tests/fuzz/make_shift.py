"""Seeds of fuzz_shift (parts joined by 0x1e: labels, predictions, new labels, new predictions,
table, groups, sizes) and fuzz_shift_record (condition, newline, record).

python3 make_shift.py DSBIAS      DSBIAS: the built program, which makes the record
"""
import os, subprocess, sys, tempfile

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def seed(target, name, data):
    os.makedirs(os.path.join(here, target), exist_ok=True)
    with open(os.path.join(here, target, name), "wb") as f:
        f.write(data)


def join(*parts):
    return b"\x1e".join(p.encode() for p in parts)


labels = "[0,1,2,0,1,2]"
wide = "id,label,a,b\n0,0,0,0\n1,1,1,2\n2,2,1,2\n3,0,0,0\n4,1,1,1\n5,2,0,2\n"
longer = "model,item,prediction,label\na,0,x,x\na,1,y,y\nb,0,x,x\nb,1,x,y\n"
table = "model,type,orig,new,new_n\na,S,95.5,90,200\nb,S,90,80,200\nc,T,0,0,200\nd,T,100,70,200\ne,S,85,,200\n"
groups = '{"old": {"g": [0, 1]}, "new": {"g": [2]}}'
seed("shift", "json", join(labels, '{"a":[0,1,2,0,1,1],"b":[0,1,1,0,0,1]}', "0\n1\n2\n0\n1\n2\n",
                           '{"a":[0,1,1,0,1,1],"b":[2,1,1,0,0,1]}', table, groups, '{"orig": 1000}'))
seed("shift", "wide", join("", wide, "", wide, table, "set,group,item\nold,g,1\nnew,g,0\n", ""))
seed("shift", "long", join("", longer, "", longer, "", "", ""))
rows = "[[.7,.2,.1],[.1,.8,.1],[.2,.2,.6],[.9,.05,.05],[.3,.4,.3],[.1,.1,.8]]"
seed("shift", "probabilities", join(labels, '{"m": %s}' % rows, labels, '{"m": %s}' % rows, "", "", ""))
seed("shift", "scores", join("", "m,n\n0.5,0.2\n0.7,0.1\n", "", "m,n\n0.4,0.2\n0.5,0.9\n", "", "", ""))
seed("shift", "table", join("", "", "", "", table, "", '{"orig": ["1000"], "new": 200}'))
with tempfile.TemporaryDirectory() as d:
    names = []
    for name, text in (("l", labels), ("p", '{"a":[0,1,2,0,1,1],"b":[0,1,1,0,0,1]}'), ("g", groups)):
        names.append(os.path.join(d, name))
        open(names[-1], "w").write(text)
    out = subprocess.run([sys.argv[1], "shift", "--orig", f"old={names[0]}:{names[1]}", "--new",
                          f"new={names[0]}:{names[1]}", "--groups", names[2], "--bootstrap", "20",
                          "--image-bootstrap", "10", "--json"], capture_output=True, check=True)
import json

record = json.loads(out.stdout)
for fit in record["fits"].values():
    fit.pop("band", None)
record["record"]["command"] = record["record"]["build"] = ""
seed("shift_record", "small", b"gap > 0.05 || max(gap) < 5%\n" + json.dumps(record, separators=(",", ":")).encode())
seed("shift_record", "empty", b'slope < 1 && n_models >= 1\n{"schema":"dsbias.shift/1"}')
