/*
 * `final_answers;` in an `upstream` block: answers 1xx of its servers, but for 101, are skipped.
 *
 * nginx before 1.29 takes a 103 (Early Hints) for the answer itself and what follows for its body, which breaks HTTP/2 and puts
 * the connection out of step. Here the parser of the proxy is asked again until there is a final answer.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

/* An application may not keep a request busy with them for ever. */
#define NGX_HTTP_FINAL_ANSWERS_MOST  64

typedef struct {
    ngx_uint_t                       enabled;
    ngx_http_upstream_init_pt        init_upstream;
    ngx_http_upstream_init_peer_pt   init_peer;
} ngx_http_final_answers_conf_t;

typedef struct {
    ngx_int_t                      (*process_header)(ngx_http_request_t *r);
    ngx_int_t                      (*reinit_request)(ngx_http_request_t *r);
    ngx_uint_t                       skipped;
} ngx_http_final_answers_ctx_t;

static ngx_int_t ngx_http_final_answers_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_final_answers_init_peer(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_final_answers_process_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_final_answers_reinit_request(ngx_http_request_t *r);
static ngx_int_t ngx_http_final_answers_skip(ngx_http_request_t *r, ngx_http_final_answers_ctx_t *ctx);
static void *ngx_http_final_answers_create_conf(ngx_conf_t *cf);
static char *ngx_http_final_answers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


static ngx_command_t  ngx_http_final_answers_commands[] = {

    { ngx_string("final_answers"),
      NGX_HTTP_UPS_CONF|NGX_CONF_NOARGS,
      ngx_http_final_answers,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_final_answers_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_final_answers_create_conf,    /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_final_answers_module = {
    NGX_MODULE_V1,
    &ngx_http_final_answers_module_ctx,    /* module context */
    ngx_http_final_answers_commands,       /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_final_answers_init_upstream(ngx_conf_t *cf, ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_final_answers_conf_t  *conf;

    conf = ngx_http_conf_upstream_srv_conf(us, ngx_http_final_answers_module);

    if (conf->init_upstream(cf, us) != NGX_OK) {
        return NGX_ERROR;
    }

    conf->init_peer = us->peer.init;
    us->peer.init = ngx_http_final_answers_init_peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_final_answers_init_peer(ngx_http_request_t *r, ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t            *u;
    ngx_http_final_answers_ctx_t   *ctx;
    ngx_http_final_answers_conf_t  *conf;

    conf = ngx_http_conf_upstream_srv_conf(us, ngx_http_final_answers_module);

    if (conf->init_peer(r, us) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;

    /* A second upstream of the same request has its own functions; one that is set up again has ours. */
    ctx = ngx_http_get_module_ctx(r, ngx_http_final_answers_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_final_answers_ctx_t));
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        ngx_http_set_ctx(r, ctx, ngx_http_final_answers_module);
    }

    if (u->process_header != ngx_http_final_answers_process_header) {
        ctx->process_header = u->process_header;
        u->process_header = ngx_http_final_answers_process_header;
    }

    if (u->reinit_request != ngx_http_final_answers_reinit_request) {
        ctx->reinit_request = u->reinit_request;
        u->reinit_request = ngx_http_final_answers_reinit_request;
    }

    ctx->skipped = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_final_answers_process_header(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_uint_t                     status;
    ngx_http_upstream_t           *u;
    ngx_http_final_answers_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_get_module_ctx(r, ngx_http_final_answers_module);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    for ( ;; ) {

        /* The parser replaces itself when it has read the status line. */
        u->process_header = ctx->process_header;

        rc = u->process_header(r);

        ctx->process_header = u->process_header;
        u->process_header = ngx_http_final_answers_process_header;

        status = u->headers_in.status_n;

        if (rc != NGX_OK
            || status < NGX_HTTP_CONTINUE
            || status == NGX_HTTP_SWITCHING_PROTOCOLS
            || status >= NGX_HTTP_OK)
        {
            return rc;
        }

        rc = ngx_http_final_answers_skip(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        if (u->buffer.pos == u->buffer.last) {
            return NGX_AGAIN;
        }
    }
}


static ngx_int_t
ngx_http_final_answers_skip(ngx_http_request_t *r, ngx_http_final_answers_ctx_t *ctx)
{
    size_t                rest;
    u_char               *start;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (++ctx->skipped > NGX_HTTP_FINAL_ANSWERS_MOST) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0, "upstream sent too many informational answers");
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    /* What is kept of the buffer goes to its beginning: that is where a cache looks for the header, too. */
    start = u->buffer.start;

#if (NGX_HTTP_CACHE)
    if (r->cache) {
        start += r->cache->header_start;
    }
#endif

    rest = u->buffer.last - u->buffer.pos;
    ngx_memmove(start, u->buffer.pos, rest);
    u->buffer.pos = start;
    u->buffer.last = start + rest;

    /* As nginx itself does before it asks another server. */
    if (ngx_http_final_answers_reinit_request(r) != NGX_OK) {
        return NGX_ERROR;
    }

    u->keepalive = 0;
    u->upgrade = 0;

    if (u->state) {
        u->state->status = 0;
    }

    ngx_memzero(&u->headers_in, sizeof(ngx_http_upstream_headers_in_t));
    u->headers_in.content_length_n = -1;
    u->headers_in.last_modified_time = -1;

    if (ngx_list_init(&u->headers_in.headers, r->pool, 8, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_list_init(&u->headers_in.trailers, r->pool, 2, sizeof(ngx_table_elt_t));
}


static ngx_int_t
ngx_http_final_answers_reinit_request(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_upstream_t           *u;
    ngx_http_final_answers_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_get_module_ctx(r, ngx_http_final_answers_module);

    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = ctx->reinit_request(r);

    /* It has put the parser of the status line back. */
    if (u->process_header != ngx_http_final_answers_process_header) {
        ctx->process_header = u->process_header;
        u->process_header = ngx_http_final_answers_process_header;
    }

    return rc;
}


static void *
ngx_http_final_answers_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_final_answers_conf_t));
}


static char *
ngx_http_final_answers(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_final_answers_conf_t  *facf = conf;
    ngx_http_upstream_srv_conf_t   *us;

    if (facf->enabled) {
        return "is duplicate";
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    facf->enabled = 1;
    facf->init_upstream = us->peer.init_upstream ? us->peer.init_upstream : ngx_http_upstream_init_round_robin;
    us->peer.init_upstream = ngx_http_final_answers_init_upstream;

    return NGX_CONF_OK;
}
