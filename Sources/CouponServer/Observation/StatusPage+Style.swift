/// How the status page looks: light or dark as the reader's system, in one column on a narrow screen.
extension StatusPage {
    static let style = #"""
        :root {
          --paper: #fbfaf8; --card: #ffffff; --ink: #1d1c1a; --quiet: #6b6862; --line: #e7e4de;
          --accent: #0f766e; --tint: #d7ece8; --warn: #a15c07; --warn-tint: #fbecd2;
          --bad: #b42318; --bad-tint: #fbe4e1;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #131312; --card: #1b1b19; --ink: #eceae5; --quiet: #9c988f; --line: #2d2c29;
            --accent: #4fb5a8; --tint: #1d3a36; --warn: #e0a458; --warn-tint: #3a2c14;
            --bad: #f0857a; --bad-tint: #421f1b;
          }
        }
        * { box-sizing: border-box; margin: 0; }
        html { -webkit-text-size-adjust: 100%; scrollbar-gutter: stable; }
        body {
          max-width: 76rem; margin: 0 auto; padding: 1.75rem 1.5rem 2.5rem;
          background: var(--paper); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        h1 { font-size: 1.35rem; font-weight: 650; letter-spacing: -0.02em; }
        h2 { font-size: 0.8125rem; font-weight: 600; color: var(--quiet); }
        ul { list-style: none; padding: 0; }
        a { color: inherit; text-underline-offset: 0.2em; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
        .quiet { color: var(--quiet); font-size: 0.8125rem; }
        .sr, .skip:not(:focus) {
          position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
          white-space: nowrap;
        }
        .skip:focus { position: absolute; left: 1.5rem; top: 0.4rem; background: var(--paper); }
        header { display: flex; justify-content: space-between; align-items: center; gap: 1rem; }
        .brand { display: flex; align-items: baseline; gap: 0.6rem; }
        .state { display: flex; align-items: center; gap: 0.75rem; }
        .pill {
          display: inline-block; min-width: 6.25rem; text-align: center; padding: 0.15rem 0.7rem;
          border-radius: 1rem; font-size: 0.8125rem; font-weight: 600;
          background: var(--tint); color: var(--accent);
        }
        .pill.wait { background: var(--line); color: var(--quiet); }
        .pill.warn { background: var(--warn-tint); color: var(--warn); }
        .pill.bad { background: var(--bad-tint); color: var(--bad); }
        button {
          font: inherit; font-size: 0.8125rem; color: var(--quiet); background: none; cursor: pointer;
          border: 1px solid var(--line); border-radius: 6px; padding: 0.2rem 0; width: 5rem;
        }
        button:hover { color: var(--ink); border-color: var(--quiet); }
        .trouble {
          margin-top: 1rem; padding: 0.6rem 0.9rem; border-radius: 8px; overflow-wrap: anywhere;
          background: var(--warn-tint); color: var(--warn); font-size: 0.875rem;
        }
        .trouble.bad { background: var(--bad-tint); color: var(--bad); }
        .plots {
          display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1rem;
          margin: 1.5rem 0 2.25rem;
        }
        .card {
          background: var(--card); border: 1px solid var(--line); border-radius: 12px;
          padding: 1rem 1.1rem 0.85rem; min-width: 0;
        }
        .value { font-size: 1.9rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.03em; }
        .value small {
          font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; color: var(--quiet);
          margin-left: 0.3rem;
        }
        .plot { display: block; width: 100%; height: 56px; margin: 0.5rem 0 0.45rem; overflow: visible; }
        .plot path.line { fill: none; stroke: var(--accent); stroke-width: 1.5; }
        .plot path.line, .spark path { vector-effect: non-scaling-stroke; stroke-linejoin: round; }
        .plot path.area { fill: var(--accent); opacity: 0.1; }
        .plot line.base { stroke: var(--line); vector-effect: non-scaling-stroke; }
        .plot line.cursor { stroke: var(--quiet); vector-effect: non-scaling-stroke; }
        .foot { font-size: 0.8125rem; color: var(--quiet); white-space: nowrap; overflow: hidden; }
        main {
          display: grid; grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); gap: 2.75rem;
          align-items: start;
        }
        .side { display: grid; gap: 2rem; min-width: 0; }
        .coupons { margin-top: 0.75rem; min-height: 16rem; }
        .coupons li { padding: 0.7rem 0; border-top: 1px solid var(--line); }
        .coupons .top { display: flex; justify-content: space-between; gap: 1rem; }
        .coupons .title {
          font-weight: 550; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
        }
        .coupons .count { white-space: nowrap; }
        .bar { height: 5px; border-radius: 3px; background: var(--line); margin: 0.45rem 0 0.35rem; }
        .bar i {
          display: block; height: 100%; border-radius: 3px; background: var(--accent); min-width: 0;
          transition: width 0.5s ease-out;
        }
        .coupons .done .bar i { background: var(--quiet); }
        .coupons .under { display: flex; justify-content: space-between; gap: 1rem; }
        table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
        th, td { text-align: left; padding: 0.35rem 0.9rem 0.35rem 0; font-weight: 400; height: 2rem; }
        thead th { color: var(--quiet); font-size: 0.75rem; }
        tbody tr { border-top: 1px solid var(--line); }
        #latency td, #latency thead th:not(:first-child) { text-align: right; white-space: nowrap; }
        #latency td { min-width: 4.6rem; }
        #latency .spark { padding-right: 0; width: 30%; min-width: 4rem; }
        .spark svg { display: block; width: 100%; height: 20px; overflow: visible; }
        .spark path { fill: none; stroke: var(--accent); stroke-width: 1.25; }
        .checks { margin-top: 0.4rem; }
        .checks li {
          display: grid; grid-template-columns: 1.1rem 5.2rem minmax(0, 1fr); align-items: baseline;
          padding: 0.3rem 0; border-top: 1px solid var(--line); font-size: 0.875rem;
          min-height: 2.05rem; overflow-wrap: anywhere;
        }
        .checks li::before {
          content: ""; width: 0.5rem; height: 0.5rem; border-radius: 50%; background: var(--accent);
        }
        .checks li.bad::before { background: var(--bad); border-radius: 1px; }
        .partitions {
          display: grid; grid-template-columns: repeat(auto-fill, minmax(2.1rem, 1fr)); gap: 4px;
          margin: 0.5rem 0 0.6rem;
        }
        .partitions.many { grid-template-columns: repeat(auto-fill, minmax(0.7rem, 1fr)); gap: 2px; }
        .partitions li {
          height: 1.75rem; border-radius: 5px; font-size: 0.75rem; line-height: 1.65rem;
          text-align: center; color: var(--quiet); border: 1px solid var(--line);
        }
        .partitions.many li { height: 0.7rem; border-radius: 2px; font-size: 0; }
        .cell.own, .partitions .own {
          background: var(--tint); border-color: transparent; color: var(--accent);
        }
        .cell.shut, .partitions .shut {
          background: var(--bad-tint); border-color: transparent; color: var(--bad);
        }
        .cell.build, .partitions .build {
          background: var(--warn-tint); border-color: transparent; color: var(--warn);
        }
        .legend { display: flex; flex-wrap: wrap; gap: 0.25rem 0.4rem; align-items: center; }
        .cell {
          width: 0.7rem; height: 0.7rem; border-radius: 3px; border: 1px solid var(--line);
          margin-left: 0.5rem;
        }
        .cell:first-child { margin-left: 0; }
        .actions { margin-top: 2.5rem; }
        .scroll { overflow-x: auto; margin-top: 0.25rem; }
        #actions td { white-space: nowrap; }
        #actions td:last-child { white-space: normal; overflow-wrap: anywhere; width: 40%; }
        footer {
          display: flex; flex-wrap: wrap; gap: 0.4rem 1.75rem; margin-top: 2.5rem; padding-top: 1rem;
          border-top: 1px solid var(--line);
        }
        .stale .value, .stale main, .stale .foot { opacity: 0.45; }
        @media (max-width: 60rem) {
          .plots { grid-template-columns: repeat(2, minmax(0, 1fr)); }
          main { grid-template-columns: minmax(0, 1fr); gap: 2rem; }
        }
        @media (max-width: 26rem) {
          body { padding: 1.1rem 1rem 2rem; }
          .plots { gap: 0.6rem; }
          .card { padding: 0.8rem 0.85rem 0.7rem; }
          .value { font-size: 1.45rem; }
        }
        @media (prefers-reduced-motion: reduce) { .bar i { transition: none; } }
        """#
}
