// SPDX-License-Identifier: Apache-2.0
/// The report's only style sheet: light, dark, narrow and printed.
enum ReportStyle {
    static let css = colours + layout + charts + tables + gallery + media

    private static let colours = """
        :root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--ink:#1b1f24;--soft:#566069;--line:#dfe3e6;--grid:#e9ecee;
        --good:#17713d;--bad:#b3261e;--accent:#2456a6;--warn:#8a5a00;--chosen:#e6eefa;
        --c1:#2456a6;--c2:#c2571a;--c3:#1a7f6b;--c4:#8a3fa0;--c5:#77808a}
        @media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e6e9ec;--soft:#a3adb6;--line:#343b42;
        --grid:#2a3036;--good:#5ecb8a;--bad:#ff8a80;--accent:#8ab4f8;--warn:#e8b75a;--chosen:#26344a;
        --c1:#8ab4f8;--c2:#f0a06a;--c3:#63d3bd;--c4:#d29be6;--c5:#8d97a0}}

        """

    private static let layout = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
        "Helvetica Neue",Arial,sans-serif}
        main{max-width:1180px;margin:0 auto;padding:28px 24px 60px}
        header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:4px 24px;margin-bottom:16px}
        header b{font-size:17px;overflow-wrap:anywhere} header span,small,.unit,.label{color:var(--soft)}
        h1{font-size:34px;line-height:1.2;margin:2px 0 8px;overflow-wrap:anywhere} h1 code{font-size:.88em}
        h2{font-size:22px;line-height:1.3;margin:48px 0 6px} .card h2{font-size:16px;margin:0 0 6px;overflow-wrap:anywhere}
        p{margin:0 0 10px;max-width:88ch} ul{margin:6px 0 10px;padding-left:20px;max-width:100ch} li{overflow-wrap:anywhere}
        small{font-weight:400;font-size:12px} a{color:var(--accent)}
        code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em;overflow-wrap:anywhere}
        :focus-visible{outline:3px solid var(--accent);outline-offset:2px}
        .label{text-transform:uppercase;letter-spacing:.08em;font-size:12px;margin:0}
        .verdict,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px 24px;margin:0 0 16px}
        .verdict.inside{border-top:6px solid var(--accent)} .verdict.cut{border-top:6px solid var(--good)}
        .verdict .reason{font-size:17px;overflow-wrap:anywhere} .plan{color:var(--soft);margin:14px 0 0;max-width:none}
        .verdict ul{margin:10px 0 0}
        .figures{display:flex;flex-wrap:wrap;gap:10px 36px;margin:14px 0 0} .figures div{display:flex;flex-direction:column-reverse;justify-content:flex-end}
        .figures dd{margin:0;font-size:25px;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
        .figures dt{color:var(--soft);font-size:13px;max-width:26ch}
        .card{padding:16px 20px} .card p:last-child{margin:0} .card ul{margin-bottom:0;font-size:14px}
        .pair{display:grid;grid-template-columns:1fr 1fr;gap:16px;align-items:start} .warnings{border-top:4px solid var(--warn)}
        .good{color:var(--good);font-weight:600} .bad{color:var(--bad);font-weight:600}
        .method dt{font-weight:600} .method dd{margin:0 0 10px;max-width:100ch}

        """

    private static let charts = """
        .charts{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px}
        figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 14px 6px;
        break-inside:avoid;overflow-x:auto;align-self:start}
        figcaption{font-weight:600} .unit{font-weight:400;font-size:12.5px;display:block}
        svg{display:block;width:100%;min-width:500px;height:auto}
        .legend{font-size:12.5px;margin:6px 0 2px;display:flex;flex-wrap:wrap;gap:2px 14px}
        .key::before{content:"";display:inline-block;width:14px;height:4px;margin-right:6px;vertical-align:middle;
        background:currentColor} .key{color:var(--soft)}
        .k1::before{background:var(--c1)} .k2::before{background:var(--c2)} .k3::before{background:var(--c3)}
        .k4::before{background:var(--c4)} .k5::before{background:var(--c5)}
        .kl::before{background:none;border-top:2px dashed var(--bad);height:0}
        .km::before{background:none;border-left:2px dotted var(--soft);height:12px;width:5px}
        .grid{stroke:var(--grid)} .tick{fill:var(--soft);font-size:11px;paint-order:stroke;stroke:var(--card);stroke-width:3px} .tick.marked{fill:var(--ink);font-weight:700}
        .limit{stroke:var(--bad);stroke-dasharray:5 4;stroke-width:1.3} .mark{stroke:var(--soft);stroke-dasharray:2 3}
        .line{fill:none;stroke-width:2} .dashed{stroke-dasharray:5 4} .error{fill:none;stroke-width:1.4;opacity:.7}
        .c1{stroke:var(--c1)} .c2{stroke:var(--c2)} .c3{stroke:var(--c3)} .c4{stroke:var(--c4)} .c5{stroke:var(--c5)}
        .f1{fill:var(--c1)} .f2{fill:var(--c2)} .f3{fill:var(--c3)} .f4{fill:var(--c4)} .f5{fill:var(--c5)}
        circle{fill:var(--card);stroke-width:1.8} .chosen{stroke-width:3.5}
        .plans{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px;align-items:start}

        """

    private static let tables = """
        .wide{overflow-x:auto} table{border-collapse:collapse;font-size:13px}
        .numbers{width:100%;background:var(--card);font-variant-numeric:tabular-nums} .numbers th,.numbers td{padding:6px 8px;
        border-bottom:1px solid var(--line);text-align:right;white-space:nowrap} .numbers tbody th{font-weight:500}
        .numbers thead th{white-space:normal;vertical-align:bottom;color:var(--soft);font-weight:600}
        .numbers th:first-child{text-align:left} .numbers .front{outline:2px solid var(--good);outline-offset:-2px}
        .numbers .none{text-align:center} .none{color:var(--soft);font-size:12px}
        .facts{table-layout:fixed;width:100%} .facts th{text-align:left;padding:4px 18px 4px 0;vertical-align:top;width:110px}
        .facts td{padding:4px 0;overflow-wrap:anywhere}

        """

    private static let gallery = """
        .stepper{position:relative} .originals{position:absolute;width:0;height:0;min-width:0;overflow:hidden} .stepper>input{position:absolute;opacity:0;width:1px;height:1px;top:0;left:0;margin:0}
        .strip{display:flex;flex-wrap:wrap;gap:5px;align-items:center;margin:4px 0 12px;color:var(--soft);font-size:12.5px}
        .strip label,.steps label{cursor:pointer;border:1px solid var(--line);border-radius:7px;background:var(--card);
        color:var(--ink);padding:4px 8px;font-size:13px;font-variant-numeric:tabular-nums}
        .strip label b{margin-right:4px} .strip label:hover,.steps label:hover{border-color:var(--accent)}
        .steps{display:flex;gap:8px;margin:14px 0 0} .steps label,.steps span{flex:1;text-align:center;padding:8px}
        .steps span{color:var(--soft);font-size:13px}
        .panel{display:none;grid-template-columns:minmax(0,1fr) 280px;gap:28px;background:var(--card);
        border:1px solid var(--line);border-radius:10px;padding:16px 20px;align-items:start}
        .panel table{width:100%;max-width:640px;table-layout:fixed} .panel caption{text-align:left;font-size:17px;font-weight:600;padding-bottom:8px;
        overflow-wrap:anywhere} .panel th,.panel td{padding:5px;text-align:center;vertical-align:top;font-weight:500}
        .panel thead th{color:var(--soft);font-size:12.5px;vertical-align:bottom}
        .panel img,.panel svg{width:100%;min-width:0;max-width:116px;aspect-ratio:1;display:block;margin:0 auto;border-radius:4px;object-fit:fill;
        background:var(--grid)}
        .panel small{display:block;overflow-wrap:anywhere} .panel .none{display:block;padding-top:34%}
        .facts-of-cut{position:sticky;top:12px} .count{margin:0;color:var(--soft);font-size:13px} .state{font-size:19px;margin:0 0 8px}
        .facts-of-cut dl{margin:0;border-top:1px solid var(--line)} .facts-of-cut dt{color:var(--soft);font-size:13px;margin-top:8px}
        .facts-of-cut dd{margin:0;font-variant-numeric:tabular-nums}

        """

    private static let media = """
        @media screen and (max-width:820px){.pair,.charts,.plans,.panel{grid-template-columns:minmax(0,1fr)} h1{font-size:26px}
        main{padding:16px 12px} .verdict,.card,.panel{padding:14px} .facts-of-cut{position:static;order:-1}
        .facts-of-cut dl{display:grid;grid-template-columns:1fr 1fr;gap:0 12px} .figures{display:grid;grid-template-columns:1fr 1fr;gap:10px} .figures dd{font-size:21px} h2{margin-top:36px}}
        @page{size:A4;margin:14mm}
        @media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#48515a;--line:#c9ced3;--grid:#e2e6e9;
        --good:#17713d;--bad:#b3261e;--accent:#2456a6;--warn:#8a5a00;--c1:#2456a6;--c2:#c2571a;--c3:#1a7f6b;--c4:#8a3fa0;
        --c5:#77808a} *{print-color-adjust:exact}
        body{font-size:10.5px} main{max-width:none;padding:0} h1{font-size:22px} h2{font-size:15px;margin-top:20px;break-after:avoid}
        .wide,figure{overflow:visible} svg{min-width:0} .verdict,.card,tr{break-inside:avoid} .figures dd{font-size:16px}
        .charts,.plans,.pair{grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:8px} .verdict .reason{font-size:12px}
        .strip,.steps,.stepper>input{display:none} .stepper .panel{display:none}
        .stepper .panel.printed{display:grid;grid-template-columns:minmax(0,1fr) 150px;break-inside:auto;margin-bottom:10px;
        padding:8px 12px;gap:12px} .panel img,.panel svg{max-width:56px} .panel caption{font-size:12px} .facts-of-cut{position:static}
        .facts-of-cut dt{margin-top:3px;font-size:9.5px} .state{font-size:12px}
        table,small,.legend,.unit,.figures dt,.card ul{font-size:9px} .plans{grid-template-columns:minmax(0,1fr)}
        .numbers{font-size:7.5px} .numbers th,.numbers td{padding:2px;white-space:normal} .numbers small{font-size:7px}}

        """
}
