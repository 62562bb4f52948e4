/// The status page: one document that loads nothing else. It asks `/status.json` each second.
enum StatusPage {
    static let html = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>coupond</title>
        <link rel="icon" href="data:image/svg+xml,\(icon)">
        <style>
        \(style)
        </style>
        </head>
        <body>
        \(body)
        <script>
        \(script)
        </script>
        </body>
        </html>

        """

    private static let icon =
        "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
        + "%3Crect x='1' y='3' width='14' height='10' rx='2' fill='%230f766e'/%3E"
        + "%3Cpath d='M10.5 3v10' stroke='white' stroke-dasharray='1.6 1.4'/%3E%3C/svg%3E"

    /// Everything that is shown has its place from the start, so that nothing moves when values come.
    private static let body = #"""
        <a class="skip" href="#main">Skip to the coupons</a>
        <header>
        <div class="brand"><h1>coupond</h1><span id="version" class="quiet"></span></div>
        <div class="state">
        <span id="pill" class="pill wait" role="status">connecting</span>
        <button id="pause" type="button" aria-pressed="false">Pause</button>
        </div>
        </header>
        <p id="trouble" class="trouble" role="alert" hidden></p>

        <section class="plots" aria-label="Rates of this daemon">
        <article class="card"><h2>Accepted</h2>
        <p class="value"><output id="accepted-rate">0</output><small>/s</small></p>
        <svg id="accepted-plot" class="plot" tabindex="0" role="img" aria-label="Accepted per second"></svg>
        <p class="foot"><output id="accepted-total">0</output> since its start</p></article>
        <article class="card"><h2>Issued</h2>
        <p class="value"><output id="issued-rate">0</output><small>/s</small></p>
        <svg id="issued-plot" class="plot" tabindex="0" role="img" aria-label="Issued per second"></svg>
        <p class="foot"><output id="issued-total">0</output> since its start</p></article>
        <article class="card"><h2>Bounced</h2>
        <p class="value"><output id="bounced-rate">0</output><small>/s</small></p>
        <svg id="bounced-plot" class="plot" tabindex="0" role="img" aria-label="Bounced per second"></svg>
        <p class="foot"><output id="bounced-total">0</output> since its start</p></article>
        <article class="card"><h2>Queued</h2>
        <p class="value"><output id="queued-now">0</output><small>entries</small></p>
        <svg id="queued-plot" class="plot" tabindex="0" role="img" aria-label="Queue entries"></svg>
        <p class="foot">oldest <output id="queued-age">0 ms</output></p></article>
        </section>

        <main id="main">
        <section class="wide" aria-labelledby="coupons-title">
        <h2 id="coupons-title">Coupons</h2>
        <p id="coupons-note" class="quiet">Those of the latest events first.</p>
        <ul id="coupons" class="coupons"></ul>
        </section>

        <div class="side">
        <section aria-labelledby="latency-title">
        <h2 id="latency-title">Latency</h2>
        <table id="latency"><thead><tr><th scope="col">of the last seconds</th>
        <th scope="col">median</th><th scope="col">99 %</th><th scope="col" class="spark">
        <span class="sr">trend</span></th></tr></thead>
        <tbody>
        <tr><th scope="row">bounce</th><td>–</td><td>–</td><td class="spark"><svg></svg></td></tr>
        <tr><th scope="row">issue</th><td>–</td><td>–</td><td class="spark"><svg></svg></td></tr>
        <tr><th scope="row">gate</th><td>–</td><td>–</td><td class="spark"><svg></svg></td></tr>
        <tr><th scope="row">commit</th><td>–</td><td>–</td><td class="spark"><svg></svg></td></tr>
        <tr><th scope="row">settle</th><td>–</td><td>–</td><td class="spark"><svg></svg></td></tr>
        </tbody></table>
        </section>

        <section aria-labelledby="health-title">
        <h2 id="health-title">Health</h2>
        <ul id="checks" class="checks"></ul>
        </section>

        <section aria-labelledby="partitions-title">
        <h2 id="partitions-title">Partitions</h2>
        <p id="partitions-note" class="quiet">&nbsp;</p>
        <ul id="partitions" class="partitions"></ul>
        <p class="legend quiet"><i class="cell own"></i>this daemon
        <i class="cell"></i>another one <i class="cell shut"></i>no open gate
        <i class="cell build"></i>rebuilding</p>
        </section>
        </div>
        </main>

        <section class="actions" aria-labelledby="actions-title">
        <h2 id="actions-title">Last admin actions</h2>
        <div class="scroll" tabindex="0" role="region" aria-labelledby="actions-title">
        <table id="actions"><thead><tr><th scope="col">when</th><th scope="col">who</th>
        <th scope="col">method</th><th scope="col">coupon</th><th scope="col">outcome</th></tr></thead>
        <tbody></tbody></table>
        </div>
        <p id="actions-note" class="quiet">None.</p>
        </section>

        <footer class="quiet">
        <span><output id="connections">0</output> connections</span>
        <span><output id="in-flight">0</output> in flight</span>
        <span><output id="memory">–</output> in memory</span>
        <span><output id="uptime">–</output> up</span>
        <span><a href="metrics">metrics</a></span>
        </footer>
        """#
}
