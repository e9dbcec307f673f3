/// The report's only style sheet: light, dark, narrow and printed.
enum ReportStyle {
    static let css = """
        :root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1b1f24;--soft:#5c6670;--line:#dfe3e6;--grid:#e9ecee;
        --good:#1a7f45;--bad:#b3261e;--accent:#2456a6;--warn:#8a5a00;
        --c1:#2456a6;--c2:#c2571a;--c3:#1a7f6b;--c4:#8a3fa0;--c5:#77808a}
        @media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e6e9ec;--soft:#9aa4ad;--line:#30363c;
        --grid:#262b30;--good:#5ecb8a;--bad:#ff8a80;--accent:#8ab4f8;--warn:#e8b75a;
        --c1:#8ab4f8;--c2:#f0a06a;--c3:#63d3bd;--c4:#d29be6;--c5:#9aa4ad}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
        "Helvetica Neue",Arial,sans-serif}
        main{max-width:1180px;margin:0 auto;padding:28px 24px 60px}
        header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:4px 24px;margin-bottom:16px}
        header b{font-size:18px} header span,small,.unit,.label{color:var(--soft)}
        h1{font-size:32px;line-height:1.2;margin:2px 0 8px} h2{font-size:21px;margin:40px 0 6px} h3{font-size:16px;margin:0 0 6px}
        p{margin:0 0 10px;max-width:86ch} ul{margin:6px 0 10px;padding-left:20px;max-width:100ch} small{font-weight:400;font-size:12px}
        code{font:0.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
        .label{text-transform:uppercase;letter-spacing:.08em;font-size:12px;margin:0}
        .verdict,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin:0 0 16px}
        .verdict{border-left:6px solid var(--accent)} .verdict.inside{border-left-color:var(--bad)}
        .verdict.cut{border-left-color:var(--good)} .verdict .reason{font-size:17px} .plan{color:var(--soft);margin:0}
        .card{padding:16px 20px} .card p:last-child{margin:0}
        .pair{display:grid;grid-template-columns:1fr 1fr;gap:16px} .warnings{border-left:6px solid var(--warn)}
        .charts{display:grid;grid-template-columns:1fr 1fr;gap:16px}
        figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 14px 4px;
        break-inside:avoid}
        figcaption{font-weight:600} .unit{font-weight:400;font-size:12.5px;display:block}
        svg{display:block;width:100%;height:auto}
        .legend{font-size:12.5px;margin:6px 0 2px;display:flex;flex-wrap:wrap;gap:2px 14px}
        .key::before{content:"";display:inline-block;width:14px;height:3px;margin-right:6px;vertical-align:middle;
        background:currentColor} .key{color:var(--soft)}
        .k1::before{background:var(--c1)} .k2::before{background:var(--c2)} .k3::before{background:var(--c3)}
        .k4::before{background:var(--c4)} .k5::before{background:var(--c5)}
        .kl::before{background:none;border-top:2px dashed var(--bad);height:0}
        .grid{stroke:var(--grid)} .tick{fill:var(--soft);font-size:10.5px} .tick.marked{fill:var(--ink);font-weight:700}
        .limit{stroke:var(--bad);stroke-dasharray:5 4;stroke-width:1.3} .mark{stroke:var(--soft);stroke-dasharray:2 3}
        .line{fill:none;stroke-width:2} .dashed{stroke-dasharray:5 4} .error{fill:none;stroke-width:1.4;opacity:.7}
        .c1{stroke:var(--c1)} .c2{stroke:var(--c2)} .c3{stroke:var(--c3)} .c4{stroke:var(--c4)} .c5{stroke:var(--c5)}
        circle{fill:var(--card);stroke-width:1.8} .chosen{stroke-width:3.5}
        .wide{overflow-x:auto} table{border-collapse:collapse;font-size:13px}
        .gallery tbody{border-top:1px solid var(--line);break-inside:avoid} .gallery th,.gallery td{padding:4px;text-align:center;
        vertical-align:top} .gallery thead th{vertical-align:bottom;font-size:12.5px;max-width:128px;overflow-wrap:anywhere}
        .gallery img{width:116px;height:116px;display:block;border-radius:4px;object-fit:fill}
        .gallery .original{vertical-align:middle} .gallery .original img{width:150px;height:150px}
        .gallery small{display:block;overflow-wrap:anywhere;max-width:150px} .gallery .kind{vertical-align:middle;width:64px;color:var(--soft);
        font-weight:500;font-size:12px} .none{color:var(--soft);font-size:12px;vertical-align:middle!important}
        .numbers{width:100%;background:var(--card)} .numbers th,.numbers td{padding:5px 8px;border-bottom:1px solid var(--line);
        text-align:right;white-space:nowrap} .numbers thead th{white-space:normal;vertical-align:bottom;color:var(--soft);font-weight:600}
        .numbers th:first-child{text-align:left} .numbers .front{outline:2px solid var(--good);outline-offset:-2px}
        .numbers .none{text-align:center}
        .good{color:var(--good);font-weight:600} .bad{color:var(--bad);font-weight:600}
        .method dt{font-weight:600} .method dd{margin:0 0 10px;max-width:100ch} .facts th{text-align:left;padding:4px 18px 4px 0;
        vertical-align:top} .facts td{padding:4px 0}
        @media (max-width:820px){.pair,.charts{grid-template-columns:1fr} h1{font-size:25px} main{padding:16px 12px}}
        @media print{body{background:#fff;font-size:11px} main{max-width:none;padding:0} .wide{overflow:visible}
        .gallery img{width:82px;height:82px} .gallery .original img{width:100px;height:100px} .numbers{font-size:9px}
        .numbers th,.numbers td{padding:3px 4px} section{break-inside:auto} h2{break-after:avoid}}
        """
}
