<TMPL_IF NAME="FORGOT">
  <a class="btn btn-secondary" href="/auth/forgot"><span class="fa fa-info-circle"></span> <span trspan="resetPwd">Reset my password</span></a>
</TMPL_IF>
