-- Asks Countersign about a request: `http-request lua.countersign URL`. Sets txn.countersign_lets_through where it may pass, with whose
-- it is, and answers in its place where not.

local key = os.getenv("COUNTERSIGN_PROXY_KEY")

-- What Countersign is told of the browser.
local OF_BROWSER = { "cookie", "accept", "accept-language", "user-agent", "referer", "sec-fetch-mode" }
-- What the site is told.
local OF_PERSON = { "remote-user", "remote-groups", "x-countersign-identity" }
-- What the browser is told that is led on, or refused.
local OF_WAY = { "location", "www-authenticate", "x-countersign-location", "content-type", "cache-control", "retry-after" }

-- Each value of a header, in the order of its lines.
local function values(headers, name)
    local found, line = {}, 0
    local lines = headers[name] or {}
    while lines[line] do
        table.insert(found, lines[line])
        line = line + 1
    end
    return found
end

local function ask(txn, url)
    local said = txn.http:req_get_headers()
    local headers = {
        ["x-countersign-key"] = { key },
        ["x-forwarded-method"] = { txn.f:method() },
        ["x-forwarded-proto"] = values(said, "x-forwarded-proto"),
        ["x-forwarded-host"] = values(said, "host"),
        ["x-forwarded-uri"] = { txn.f:pathq() },
        ["x-forwarded-for"] = { txn.f:src() },
    }
    for _, name in ipairs(OF_BROWSER) do
        local lines = values(said, name)
        if #lines > 0 then headers[name] = lines end
    end
    return core.httpclient():get{ url = url, headers = headers, timeout = 5000 }
end

core.register_action("countersign", { "http-req" }, function(txn, url)
    local answer = ask(txn, url)
    if answer and answer.status == 200 then
        for _, name in ipairs(OF_PERSON) do
            local value = values(answer.headers, name)[1]
            if value and value ~= "" then txn.http:req_set_header(name, value) end
        end
        txn:set_var("txn.countersign_lets_through", true)
        return
    end
    local reply = txn:reply()
    -- No answer is no.
    local known = answer and answer.headers and answer.status >= 300 and answer.status <= 599
    reply:set_status(known and answer.status or 503)
    if known then
        for _, name in ipairs(OF_WAY) do
            for _, value in ipairs(values(answer.headers, name)) do reply:add_header(name, value) end
        end
        reply:set_body(answer.body or "")
    end
    txn:done(reply)
end, 1)
