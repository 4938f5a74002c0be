<TMPL_IF NAME="TOKEN">
<details class="container text-center mt-3">
  <summary>Use a recovery code</summary>
  <form action="/auth/totp2fcheck" method="post" role="form">
    <input type="hidden" name="token" value="<TMPL_VAR NAME="TOKEN">" />
    <input name="code" type="text" class="form-control" aria-label="Recovery code" autocomplete="off" required />
    <button type="submit" class="btn btn-success mt-2">Sign in</button>
  </form>
</details>
</TMPL_IF>
