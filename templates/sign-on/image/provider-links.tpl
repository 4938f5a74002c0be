<TMPL_IF NAME="PROVIDERS">
  <div class="card">
  <div class="form mt-3">
  <TMPL_LOOP NAME="PROVIDERS">
    <form action="/auth/" method="post" class="text-center mb-3">
      <input type="hidden" name="provider" value="<TMPL_VAR NAME="PROVIDER" ESCAPE=HTML>" />
      <input type="hidden" name="url" value="<TMPL_VAR NAME="URL" ESCAPE=HTML>" />
      <button type="submit" class="btn btn-primary"><span class="fa fa-sign-in"></span> Sign in with <TMPL_VAR NAME="LABEL" ESCAPE=HTML></button>
    </form>
  </TMPL_LOOP>
  </div>
  </div>
</TMPL_IF>
