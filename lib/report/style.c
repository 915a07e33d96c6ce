/* See style.h. Series colours: Okabe and Ito 2008, lightened for dark screens. */
#include "report/style.h"

/* Compilers promise string literals of 4095 bytes; the sheet is a list of pieces. */
static const char *const sheet[] = {
    ":root{color-scheme:light dark;"
    "--page:#f4f5f7;--card:#fff;--ink:#16202b;--soft:#55636f;--faint:#8a96a1;--rule:#dfe4e8;"
    "--grid:#e8ecef;--track:#e6eaee;--tip:#16202b;--tip-ink:#fff;--on:#fff;"
    "--c0:#0072b2;--c1:#d98200;--c2:#009e73;--c3:#d55e00;--c4:#56b4e9;--c5:#b0578d;--c6:#a79400;"
    "--c7:#6b7680;--green:#009e73;--amber:#e69f00;--red:#d1401f;--good:#e3f4ee;--bad:#fbe7e1;"
    "--warn:#fdf3dc}\n"
    "@media(prefers-color-scheme:dark){:root{"
    "--page:#10161c;--card:#19212a;--ink:#e8edf2;--soft:#a9b5c0;--faint:#7a8793;--rule:#2c3742;"
    "--grid:#27313b;--track:#2a343e;--tip:#e8edf2;--tip-ink:#10161c;--on:#0c131a;"
    "--c0:#5ab4ea;--c1:#f0a83a;--c2:#35c79b;--c3:#ff8a47;--c4:#8fd0f5;--c5:#e09cc4;--c6:#e0d14a;"
    "--c7:#97a3ae;--green:#35c79b;--amber:#f0b23a;--red:#ff7350;--good:#15332a;--bad:#3c211a;"
    "--warn:#372c13}}\n",

    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',"
    "'DejaVu Sans',sans-serif}"
    "main{max-width:1020px;margin:0 auto;padding:28px 20px 60px}"
    "h1{font-size:27px;line-height:1.25;margin:2px 0 4px;letter-spacing:-.01em;"
    "overflow-wrap:anywhere}"
    "h2{font-size:20px;line-height:1.3;margin:0 0 4px}"
    "h3{font-size:15px;margin:20px 0 6px;overflow-wrap:anywhere}"
    "p{margin:6px 0 10px;max-width:74ch}p.small{max-width:110ch}"
    "a{color:var(--c0)}"
    ".over{color:var(--soft);font-size:13px;letter-spacing:.06em;text-transform:uppercase;"
    "font-weight:600}"
    ".soft{color:var(--soft)}.small{font-size:13px}.nowrap{white-space:nowrap}"
    "section{background:var(--card);border:1px solid var(--rule);border-radius:12px;"
    "padding:22px 26px;margin:18px 0}"
    "section>.lead{color:var(--soft);margin:0 0 14px;max-width:none}"
    "code,kbd{font-family:ui-monospace,'DejaVu Sans Mono','Liberation Mono',monospace;"
    "font-size:.88em;overflow-wrap:anywhere}"
    "pre{background:var(--page);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;"
    "margin:8px 0;white-space:pre-wrap;overflow-wrap:anywhere;font-size:13px}"
    "svg{display:block;max-width:100%;height:auto;overflow:visible}svg.wide{min-width:560px}"
    "nav{font-size:14px;margin:10px 0 0}nav a{margin-right:14px;white-space:nowrap}\n",

    ".verdict{display:grid;grid-template-columns:auto 1fr;gap:24px;align-items:center;"
    "border-top:6px solid var(--faint)}"
    ".verdict.none{border-top-color:var(--green)}.verdict.weak{border-top-color:var(--amber)}"
    ".verdict.clear,.verdict.strong{border-top-color:var(--red)}"
    ".verdict h2{font-size:15px;color:var(--soft);font-weight:600;margin:0}"
    ".verdict .sentence{font-size:21px;line-height:1.4;font-weight:600;margin:2px 0 0;"
    "max-width:none}"
    ".headline{display:grid;grid-template-columns:minmax(190px,auto) 1fr;gap:14px 36px;"
    "align-items:center;grid-column:1/-1;border-top:1px solid var(--rule);padding-top:18px}"
    ".big{font-size:54px;font-weight:700;line-height:1;letter-spacing:-.02em;color:var(--c0)}"
    ".big small{display:block;font-size:14px;font-weight:400;color:var(--soft);"
    "letter-spacing:0;line-height:1.45;margin-top:8px}"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(205px,1fr));gap:14px;"
    "margin:18px 0}"
    ".fact{background:var(--card);border:1px solid var(--rule);border-radius:12px;"
    "padding:14px 18px}"
    ".fact b{display:block;font-size:24px;line-height:1.3}"
    ".fact span{display:block}.fact .what{font-size:13px;font-weight:600;color:var(--soft)}"
    ".fact .more{font-size:13px;color:var(--soft);line-height:1.45}"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:18px 34px;"
    "align-items:start}"
    ".note-box{border-radius:8px;padding:10px 14px;margin:12px 0;background:var(--warn)}"
    ".note-box.good{background:var(--good)}.note-box.bad{background:var(--bad)}"
    ".wide{grid-column:1/-1;margin:0}.note-box p{margin:0;max-width:none}\n",

    "table{border-collapse:collapse;width:100%;font-size:14px;margin:8px 0}"
    "th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--rule);"
    "vertical-align:top;overflow-wrap:anywhere}"
    "th{color:var(--soft);font-weight:600;overflow-wrap:normal}"
    "tr:last-child td{border-bottom:0}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".scroll{overflow-x:auto}"
    "td.key{color:var(--soft);white-space:nowrap;width:1%;padding-right:22px}"
    ".yes{color:var(--c2);font-weight:600}.no{color:var(--c3);font-weight:600}"
    ".thumbs{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,140px));"
    "gap:12px;margin:6px 0 10px}"
    "figure{margin:0;min-width:0;font-size:12px;line-height:1.35;color:var(--soft)}"
    "figure img{display:block;width:100%;aspect-ratio:1;object-fit:cover;border-radius:8px;"
    "background:var(--track);image-rendering:auto}"
    "figure.confused img{outline:3px solid var(--c3);outline-offset:-3px}"
    "figcaption{margin-top:4px;overflow-wrap:anywhere}"
    "figcaption b{color:var(--ink)}figcaption .name{display:block;color:var(--faint);"
    "white-space:nowrap;overflow:hidden;text-overflow:ellipsis}"
    ".item{display:inline-block;background:var(--page);border:1px solid "
    "var(--rule);border-radius:6px;"
    "padding:0 8px;margin:0 4px 4px 0}.item i,td i{font-style:normal;color:var(--soft)}"
    "details{margin:8px 0}summary{cursor:pointer;color:var(--c0);font-weight:600;font-size:14px}"
    "dl{display:grid;grid-template-columns:minmax(140px,auto) 1fr;gap:8px 22px;font-size:14px;"
    "margin:8px 0}dt{font-weight:600}dd{margin:0;color:var(--soft);max-width:70ch}"
    ".term{border-bottom:1px dotted var(--faint);cursor:help;position:relative}"
    ".term>span{display:none;position:absolute;left:0;bottom:1.7em;width:270px;z-index:2;"
    "background:var(--tip);color:var(--tip-ink);padding:8px 12px;border-radius:8px;"
    "font:400 13px/1.45 system-ui,sans-serif;letter-spacing:0;text-transform:none;"
    "white-space:normal}"
    ".term:hover>span,.term:focus>span{display:block}\n",

    "svg text{fill:var(--ink);font-size:14px}"
    "svg .tick,svg .note{fill:var(--soft);font-size:12px}"
    "svg .caption{fill:var(--soft);font-size:13px}"
    "svg .group{fill:var(--soft);font-size:12px;font-weight:600;letter-spacing:.04em;"
    "text-transform:uppercase}"
    "svg .group,svg .note{paint-order:stroke;stroke:var(--card);stroke-width:4px}"
    "svg .value{font-variant-numeric:tabular-nums}"
    "svg text.strong{font-weight:700}"
    "svg .grid{stroke:var(--grid)}"
    "svg .reference{stroke:var(--ink);stroke-width:1.4;stroke-dasharray:5 4}"
    "svg .whisker{fill:none;stroke-width:2}svg .whisker.ink{stroke:var(--ink)}"
    "svg .track{fill:var(--track)}svg .band{fill:var(--ink);fill-opacity:.18}"
    "svg .bar{fill-opacity:.55}svg .bar.strong{fill-opacity:1}"
    "svg .dot{stroke:var(--card);stroke-width:1.5}"
    "svg .area{fill-opacity:.16}svg .swatch{stroke:var(--rule)}"
    "svg .line{fill:none;stroke-width:2.4;stroke-linejoin:round}"
    "svg .dashed{stroke-dasharray:2 4;stroke-linecap:round}"
    "svg .error{stroke:var(--faint);stroke-width:1.2}"
    "svg .leader{stroke:var(--faint);stroke-width:1}"
    "svg .fit{fill:none;stroke:var(--c3);stroke-width:2.4}"
    "svg .fit-band{fill:var(--c3);fill-opacity:.18}"
    "svg .cell{fill:var(--c0)}"
    "svg .cell.diagonal{stroke:var(--ink);stroke-opacity:.4;stroke-width:1.4}"
    "svg .cell-text{font-weight:600;font-size:15px}svg .cell-text.on{fill:var(--on)}"
    "svg .cell-text.small{font-weight:400;font-size:12px;fill-opacity:.8}"
    "svg .housing{fill:#232b33}svg .lamp{fill:#46525d}svg .green.lit{fill:#14c08d}"
    "svg .amber.lit{fill:#ffb81f}svg .red.lit{fill:#ff5a3c}"
    "svg .s0{fill:var(--c0)}svg .s1{fill:var(--c1)}svg .s2{fill:var(--c2)}svg .s3{fill:var(--c3)}"
    "svg .s4{fill:var(--c4)}svg .s5{fill:var(--c5)}svg .s6{fill:var(--c6)}svg .s7{fill:var(--c7)}"
    "svg .line{fill:none}"
    "svg .line.s0{stroke:var(--c0)}svg .line.s1{stroke:var(--c1)}svg .line.s2{stroke:var(--c2)}"
    "svg .line.s3{stroke:var(--c3)}svg .line.s4{stroke:var(--c4)}svg .line.s5{stroke:var(--c5)}"
    "svg .line.s6{stroke:var(--c6)}svg .line.s7{stroke:var(--c7)}"
    "svg path.line{fill:none}"
    "svg text.t0{fill:var(--c0)}svg text.t1{fill:var(--c1)}svg text.t2{fill:var(--c2)}"
    "svg text.t3{fill:var(--c3)}svg text.t4{fill:var(--c4)}svg text.t5{fill:var(--c5)}"
    "svg text.t6{fill:var(--c6)}svg text.t7{fill:var(--c7)}\n",

    "footer{color:var(--soft);font-size:13px;margin-top:22px}"
    "@media(max-width:640px){main{padding:14px 10px 40px}section{padding:16px 14px}"
    ".headline{grid-template-columns:1fr}.verdict{gap:14px}.verdict .sentence{font-size:18px}"
    ".two{grid-template-columns:1fr}dl{grid-template-columns:1fr;gap:2px}dd{margin-bottom:8px}}\n"
    "@media print{:root{color-scheme:light;--page:#fff}body{font-size:12px}"
    "main{max-width:none;padding:0}nav{display:none}"
    "section,.fact{break-inside:avoid;border-color:#bbb;box-shadow:none}"
    "section.long{break-inside:auto}svg .bar,svg .cell,svg .lamp,svg .dot,svg .housing,img,.verdict"
    "{print-color-adjust:exact;-webkit-print-color-adjust:exact}}\n",
};

void dsbi_page_begin(dsbi_text *t, const char *title)
{
    dsbi_text_add(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'; img-src data:\">\n");
    dsbi_html(t, "<title>%s</title>\n", title);
    dsbi_text_add(t, "<style>\n");
    for (size_t i = 0; i < sizeof sheet / sizeof sheet[0]; i++)
        dsbi_text_add(t, sheet[i]);
    dsbi_text_add(t, "</style>\n</head>\n<body>\n<main>\n");
}

void dsbi_page_end(dsbi_text *t)
{
    dsbi_text_add(t, "</main>\n</body>\n</html>\n");
}

void dsbi_section_begin(dsbi_text *t, const char *id, const char *heading, const char *lead)
{
    dsbi_html(t, "<section id=\"%s\">\n<h2>%s</h2>\n", id, heading);
    if (*lead)
        dsbi_html(t, "<p class=\"lead\">%s</p>\n", lead);
}

void dsbi_section_end(dsbi_text *t)
{
    dsbi_text_add(t, "</section>\n");
}

void dsbi_page_term(dsbi_text *t, const char *word, const char *meaning)
{
    dsbi_html(t, "<span class=\"term\" tabindex=\"0\">%s<span>%s</span></span>", word, meaning);
}

void dsbi_page_fact(dsbi_text *t, const char *what, const char *value, const char *more)
{
    dsbi_html(t,
              "<div class=\"fact\"><span class=\"what\">%s</span><b>%s</b>"
              "<span class=\"more\">%s</span></div>\n",
              what, value, more);
}
